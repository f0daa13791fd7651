// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging

/// The log line of one verdict.
struct VerdictLine: Sendable {
    /// What Postfix writes for a message without a queue id.
    static let noQueueID = "NOQUEUE"

    let recipient: EnvelopeAddress
    let hops: [NextHop]
    let judgement: Judgement
    let decision: Decision

    var verdict: Verdict { judgement.verdict }

    /// Mail that met no policy is the bulk of all mail, and is not worth a line.
    var level: Logger.Level {
        switch verdict {
        case .notJudged, .noPolicy(nil): .debug
        case .noPolicy, .modeNone, .conforming, .testing, .violating, .unknown, .unproven, .provenLately: .info
        }
    }

    func write(to logger: Logger, queueID: String?, level: Logger.Level? = nil) {
        let level = level ?? self.level
        guard level >= logger.logLevel else { return }
        logger.log(level: level, "verdict", metadata: metadata(queueID, withLocalPart: logger.logLevel <= .debug))
    }

    private func metadata(_ queueID: String?, withLocalPart: Bool) -> Logger.Metadata {
        var fields: Logger.Metadata = [
            "queue_id": .string(queueID.map { printable($0, limit: 40) } ?? Self.noQueueID),
            "recipient_domain": .string(recipient.domain?.ascii ?? "-"),
            "action": .string(decision.rawValue),
        ]
        if withLocalPart { fields["recipient_local"] = .string(printable(recipient.local, limit: 80)) }
        if let domain = policyDomain { fields["policy_domain"] = .string(domain.ascii) }
        fields["verdict"] = .string(verdict.word)
        switch verdict {
        case .notJudged(let why):
            fields["why"] = .string(printable(why))
        case .noPolicy(let failure):
            guard let failure else { break }
            fields["result_type"] = .string(failure.type.rawValue)
            fields["why"] = .string(printable(failure.text))
        case .modeNone:
            fields["mode"] = "none"
        case .conforming(let mode):
            fields["mode"] = .string(mode.rawValue)
        case .testing(let findings):
            fields["mode"] = "testing"
            Self.add(findings.first, to: &fields)
        case .violating(let violation):
            Self.add(violation.requirement, to: &fields)
            Self.add(violation.findings.first, to: &fields)
        case .unknown(let why):
            fields["why"] = .string(printable(why))
        case .unproven(let doubt):
            Self.add(doubt.requirement, to: &fields)
            fields["why"] = .string(printable(doubt.text))
        case .provenLately(let why):
            fields["mode"] = "enforce"
            fields["why"] = .string(printable(why))
        }
        return fields
    }

    private var policyDomain: DomainName? {
        if case .violating(let violation) = verdict { violation.policyDomain } else { hops.first?.policyDomain }
    }

    private static func add(_ requirement: Requirement, to fields: inout Logger.Metadata) {
        switch requirement {
        case .policy: fields["mode"] = "enforce"
        case .dane: fields["dane"] = "always"
        }
    }

    private static func add(_ finding: HostFinding?, to fields: inout Logger.Metadata) {
        if let host = finding?.host { fields["host"] = .string(host.ascii) }
        guard let failure = finding?.failures.first else { return }
        fields["result_type"] = .string(failure.type.rawValue)
        fields["why"] = .string(printable(failure.text))
    }
}
