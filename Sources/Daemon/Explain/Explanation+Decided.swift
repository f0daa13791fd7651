// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Milter

/// Most hosts and patterns of one route that are told.
private let maxHosts = 16
private let maxPatterns = 10

extension Explanation.Message {
    init(_ message: DecidedMessage) {
        ended = message.endedAt.description
        answer = message.ending.rawValue
        reply = message.reply?.line
        requiresTLS = message.requiresTLS
        recipients =
            message.judged.map { Explanation.Recipients($0, at: message.endedAt) }
            + message.unjudged.map { Explanation.Recipients($0) }
        omitted = message.omitted
    }

    /// Leaves out the half of the recipients, where all need too much room.
    mutating func halve() {
        let kept = recipients.count / 2
        omitted += recipients.count - kept
        recipients.removeLast(recipients.count - kept)
    }
}

extension Explanation.Recipients {
    fileprivate init(_ judged: Judged, at time: UTCTime) {
        let basis = judged.judgement.basis
        let policy = basis.policy
        domain = judged.recipientDomain?.ascii
        nextHops = judged.hops.map(\.inWords)
        policyDomain = basis.policyDomain?.ascii
        verdict = judged.judgement.verdict.word.rawValue
        action = judged.decision.rawValue
        explanation = judged.judgement.verdict.reason
        reply = judged.reply?.line
        rule = judged.rule.map(\.inWords)
        isLocalSubmission = judged.isLocal
        enforcement = judged.judgement.enforcement.rawValue
        self.policy = policy.map { Explanation.PolicySeen($0, at: time) }
        mxSecure = basis.route?.isSecure
        hosts = (basis.route?.candidates ?? []).prefix(maxHosts).map {
            Explanation.Host($0, basis.evidence, policy)
        }
        otherTargets = ((basis.route?.unprobed ?? []).map(\.ascii) + (basis.route?.invalidTargets ?? []))
            .prefix(maxHosts).map { printable($0, limit: DomainName.maxOctets) }
    }

    fileprivate init(_ recipient: Unjudged) {
        let (rule, explanation): (String?, String) =
            switch recipient.reason {
            case .exemptByRule: ("exempt", "not judged: a rule exempts it")
            case .ownReport: (nil, "not judged: a TLS report of ours, for who asked for it")
            case .notOurs(let why): (nil, "not judged: \(why)")
            }
        self.init(
            domain: recipient.recipientDomain?.ascii, nextHops: [], policyDomain: nil, verdict: nil, action: nil,
            explanation: explanation, reply: nil, rule: rule, isLocalSubmission: false, enforcement: nil, policy: nil,
            mxSecure: nil, hosts: [], otherTargets: [])
    }
}

extension Explanation.PolicySeen {
    fileprivate init(_ cached: CachedPolicy, at time: UTCTime) {
        self.init(
            mode: cached.policy.mode.rawValue, id: printable(cached.id, limit: 40), source: cached.origin.rawValue,
            mx: cached.policy.mx.prefix(maxPatterns).map(\.description), fetched: cached.fetchedAt.description,
            expires: cached.expiresAt.description, ageSeconds: (time - cached.fetchedAt).components.seconds)
    }
}

extension Explanation.Host {
    fileprivate init(_ host: MXHost, _ evidence: Evidence, _ policy: CachedPolicy?) {
        let seen = evidence.hosts[host]
        let (facts, failures, status) = (seen?.facts, seen?.failures ?? [], evidence.status(of: host))
        let said = failures.isEmpty ? evidence.obstacle(of: host) : failures.map(\.text).joined(separator: ", ")
        self.init(
            name: host.name.ascii, preference: host.preference, port: host.port,
            pattern: policy?.policy.mx.first { $0.matches(host.name) }?.description, status: status,
            resultType: failures.first?.type.rawValue, text: said.map { printable($0, limit: 200) },
            address: (facts?.address ?? failures.first?.address)?.description,
            authentication: status == .conforming ? facts?.authentication.rawValue : nil,
            certificateEnds: facts?.notAfter?.description)
    }
}

extension NextHop {
    /// As a person reads it, in the form of Postfix.
    fileprivate var inWords: String {
        func end(_ port: UInt16) -> String { port == Self.smtpPort ? "" : ":\(port)" }
        return switch self {
        case .mx(let domain, let port): "\(domain)\(end(port))"
        case .host(let name, let port): "[\(name)]\(end(port))"
        case .address(let address, let port): "[\(address)]\(end(port))"
        }
    }
}

extension Rule.Action {
    fileprivate var inWords: String {
        switch self {
        case .exempt: return "exempt"
        case .act(let onViolation, let onUnknown, let onUnproven):
            let all = [
                onViolation.map { "on_violation = \($0.rawValue)" }, onUnknown.map { "on_unknown = \($0.rawValue)" },
                onUnproven.map { "on_unproven = \($0.rawValue)" },
            ]
            return all.compactMap { $0 }.joined(separator: ", ")
        }
    }
}

extension Reply {
    /// As the client got it.
    fileprivate var line: String { "\(Self.code) \(status) \(text)" }
}
