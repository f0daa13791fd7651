// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import EventLog
import Logging

/// The log line of one verdict.
struct VerdictLine: Sendable {
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

    /// The fields behind the queue id, in the order of all lines: see `LineLogHandler`.
    func append(to line: inout LogLine, withLocalPart: Bool) {
        // A domain name, and a word of ours, need no look whether they are to be escaped.
        line.append("recipient_domain", plain: recipient.domain?.ascii ?? "-")
        if let domain = policyDomain { line.append("policy_domain", plain: domain.ascii) }
        line.append("verdict", plain: verdict.word.rawValue)
        line.append("action", plain: decision.rawValue)
        // As nearly all lines are.
        if case .conforming(let mode) = verdict, !withLocalPart { return line.append("mode", plain: mode.rawValue) }
        let details = Details(verdict)
        if let mode = details.mode { line.append("mode", mode) }
        if let host = details.host { line.append("host", host.ascii) }
        if let type = details.resultType { line.append("result_type", type) }
        if details.isDANE { line.append("dane", "always") }
        if withLocalPart { line.append("recipient_local", recipient.local, limit: 80) }
        if let why = details.why { line.append("why", why, limit: 200) }
    }

    private var policyDomain: DomainName? {
        if case .violating(let violation) = verdict { violation.policyDomain } else { hops.first?.policyDomain }
    }
}

/// What a verdict tells in fields of its own.
private struct Details {
    var mode: String?
    var host: DomainName?
    var resultType: String?
    var isDANE = false
    var why: String?

    init(_ verdict: Verdict) {
        switch verdict {
        case .notJudged(let why), .unknown(let why): self.why = why
        case .noPolicy(let failure):
            guard let failure else { break }
            (resultType, why) = (failure.type.rawValue, failure.text)
        case .modeNone: mode = "none"
        case .conforming(let mode): self.mode = mode.rawValue
        case .testing(let findings):
            mode = "testing"
            add(findings.first)
        case .violating(let violation):
            add(violation.requirement)
            add(violation.findings.first)
        case .unproven(let doubt):
            add(doubt.requirement)
            why = doubt.text
        case .provenLately(let why): (mode, self.why) = ("enforce", why)
        }
    }

    private mutating func add(_ requirement: Requirement) {
        switch requirement {
        case .policy: mode = "enforce"
        case .dane: isDANE = true
        }
    }

    private mutating func add(_ finding: HostFinding?) {
        host = finding?.host
        guard let failure = finding?.failures.first else { return }
        (resultType, why) = (failure.type.rawValue, failure.text)
    }
}
