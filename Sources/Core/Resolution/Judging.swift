// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// The reason code for a host that no `mx` pattern covers; the registry has no type for it. - RFC 8460 §4.3.1: validation-failure.
package let mxNotInPolicyReason = "mx-not-in-sts-policy"
/// The reason code for a TLS handshake that failed, which is Postfix's own. - RFC 8460 §4.3.1: validation-failure.
package let handshakeFailureReason = "tls-handshake-failure"

extension Failure {
    /// - RFC 8461 §4.1: MX Host Validation.
    static let hostOutsidePolicy = Failure(
        .validationFailure, reasonCode: mxNotInPolicyReason, text: "MX host is not in the policy")
}

/// Whether a route keeps its policy: a pure function of what is known.
///
/// - RFC 8461 §4: Policy Validation.
/// - RFC 8461 §5: Policy Application.
package func judge(
    _ route: Route, under lookup: PolicyLookup, seeing evidence: Evidence, enforcement: Enforcement,
    hostCheck: HostCheck = .probes
) -> Verdict {
    switch lookup.governing {
    case .verdict(let verdict): return verdict
    case .policy(let policy):
        let tally = Tally(of: route, under: policy, seeing: evidence, hostCheck: hostCheck)
        switch (tally.conclusion(enforcement), policy.mode) {
        case (.conforms, let mode): return .conforming(mode)
        case (_, .testing): return .testing(tally.bad)
        case (.violates, _): return .violating(Violation(policyDomain: route.policyDomain, findings: tally.bad))
        case (.undecided(let doubt), _): return .unproven(doubt)
        }
    }
}

/// The verdict when there is no route to judge.
package func judge(
    _ error: RouteError, of policyDomain: DomainName, under lookup: PolicyLookup
) -> Verdict {
    let doubt: Doubt
    switch (error, lookup.mode) {
    // Without a policy to keep it is the MTA's to bounce, whoever said it.
    case (.nullMX(let isSecure), let mode):
        guard mode == .enforce, !isSecure else { return .notJudged("null MX") }
        doubt = Doubt("null MX, for which DNSSEC does not vouch")
    case (.noSuchDomain(let isSecure), let mode):
        guard mode == .enforce, !isSecure else { return .notJudged("no such domain") }
        doubt = Doubt("no such domain, for which DNSSEC does not vouch")
    case (.bogus(let text), .enforce), (.bogus(let text), .testing):
        let failure = Failure(.dnssecInvalid, text: "MX records fail DNSSEC validation: \(text)")
        let findings = [HostFinding(host: nil, failures: [failure])]
        return lookup.mode == .testing
            ? .testing(findings) : .violating(Violation(policyDomain: policyDomain, findings: findings))
    case (.bogus(let text), _), (.unavailable(let text), _): doubt = Doubt(text)
    case (.notAsked(let text, _), _): doubt = Doubt(text, isOurs: true)
    }
    return judge(doubt, under: lookup)
}

/// The verdict when the route has not been looked at, or not far enough.
package func judge(_ doubt: Doubt, under lookup: PolicyLookup) -> Verdict {
    switch lookup.governing {
    case .verdict(let verdict): verdict
    case .policy(let policy): policy.mode == .testing ? .testing([]) : .unproven(doubt)
    }
}

/// The verdict where the policy alone decides; nil where the route can keep or break it.
package func judge(_ lookup: PolicyLookup) -> Verdict? {
    if case .verdict(let verdict) = lookup.governing { verdict } else { nil }
}

/// What a lookup means for mail before any route is looked at.
private enum Governing {
    case verdict(Verdict)
    /// A policy that the route must be held to: enforce or testing.
    case policy(Policy)
}

extension PolicyLookup {
    fileprivate var governing: Governing {
        switch self {
        case .absent: .verdict(.noPolicy(nil))
        case .failed(let failure): .verdict(.noPolicy(failure))
        case .unknown(let text): .verdict(.unknown(text))
        case .unreadable(let text): .verdict(.unproven(Doubt(text)))
        case .policy(let cached): cached.policy.mode == .none ? .verdict(.modeNone) : .policy(cached.policy)
        }
    }

    /// The mode of the policy that applies; nil where none does or none can be read. One that is not readable is taken
    /// for the strictest.
    fileprivate var mode: Policy.Mode? {
        switch self {
        case .policy(let cached): cached.policy.mode
        case .unreadable: .enforce
        case .absent, .failed, .unknown: nil
        }
    }
}

/// The candidates of a route, sorted by what is known of them.
private struct Tally {
    enum Conclusion { case conforms, violates, undecided(Doubt) }

    var good = 0
    /// Of the good ones those that DANE vouches for.
    var goodByDANE = 0
    var bad: [HostFinding] = []
    var unreachable: [String] = []
    /// Hosts that are up and let nobody in.
    var closed: [String] = []
    /// Hosts whose TLSA records nobody knows.
    var unresolved: [String] = []
    var unseen: [DomainName] = []
    /// Hosts that only a failure of our own keeps us from seeing.
    var notTried: [String] = []

    init(of route: Route, under policy: Policy, seeing evidence: Evidence, hostCheck: HostCheck) {
        for candidate in route.candidates {
            let seen = evidence.hosts[candidate]
            if seen == nil, let cause = evidence.notTried[candidate], hostCheck == .probes,
                policy.covers(candidate.name)
            {
                notTried.append("\(candidate.name): \(cause)")
            } else {
                add(candidate, policy, seen, hostCheck)
            }
        }
        for name in route.unprobed { add(unlookedAt: name, policy, hostCheck) }
        for target in route.invalidTargets {
            let failure = Failure(
                notCovered.type, reasonCode: notCovered.reasonCode,
                text: "MX record names no host of the policy: \(target)")
            bad.append(HostFinding(host: nil, failures: [failure]))
        }
    }

    private mutating func add(_ candidate: MXHost, _ policy: Policy, _ seen: HostEvidence?, _ hostCheck: HostCheck) {
        switch seen {
        // A name outside the policy needs no look at the host, and one that hides from us may still answer the MTA.
        case .unreachable where !policy.covers(candidate.name), .turnedAway where !policy.covers(candidate.name),
            .unresolved where !policy.covers(candidate.name):
            bad.append(HostFinding(host: candidate.name, failures: [notCovered]))
        case .turnedAway(let text):
            closed.append("\(candidate.name): \(text)")
        case .unresolved(let text):
            unresolved.append("\(candidate.name): \(text)")
        case .unreachable(let text):
            unreachable.append("\(candidate.name): \(text)")
        // DANE decides for a host that has it, whatever the policy says. - RFC 8461 §2: Related Technologies.
        case .conforming(let facts) where facts.authentication == .dane:
            good += 1
            goodByDANE += 1
        case .failing(let failures, _) where failures.contains { $0.type.isDANE }:
            bad.append(HostFinding(host: candidate.name, failures: failures))
        case nil:
            add(unlookedAt: candidate.name, policy, hostCheck)
        case .conforming(let facts):
            if policy.covers(candidate.name) {
                good += 1
            } else {
                let failure = Failure(
                    notCovered.type, reasonCode: notCovered.reasonCode, text: notCovered.text, address: facts.address)
                bad.append(HostFinding(host: candidate.name, failures: [failure]))
            }
        case .failing(let failures, _):
            let outside = policy.covers(candidate.name) ? [] : [notCovered]
            bad.append(HostFinding(host: candidate.name, failures: outside + failures))
        }
    }

    private mutating func add(unlookedAt name: DomainName, _ policy: Policy, _ hostCheck: HostCheck) {
        switch (policy.covers(name), hostCheck) {
        case (true, .namesOnly): good += 1
        case (true, .probes): unseen.append(name)
        case (false, _): bad.append(HostFinding(host: name, failures: [notCovered]))
        }
    }

    private var notCovered: Failure { .hostOutsidePolicy }

    func conclusion(_ enforcement: Enforcement) -> Conclusion {
        switch enforcement {
        case .milter:
            if !bad.isEmpty { return .violates }
            if let open { return .undecided(open) }
            // A host that is down gets no mail. One that turned us away may take it from the MTA, as it pleases.
            return good > 0 && closed.isEmpty && unresolved.isEmpty ? .conforms : .undecided(down)
        case .milterAndPolicyMap:
            if goodByDANE > 0 { return .conforms }
            // Where DANE is not kept, the map lets nothing go by another host's certificate, which may be shared.
            // - RFC 8461 §2: a policy never overrides a failing DANE validation.
            let failsDANE = bad.contains { $0.failures.contains { $0.type.isDANE } }
            if failsDANE || !unresolved.isEmpty {
                return open.map { .undecided($0) } ?? (failsDANE ? .violates : .undecided(down))
            }
            if good > 0 { return .conforms }
            if let open { return .undecided(open) }
            return bad.isEmpty ? .undecided(down) : .violates
        }
    }

    /// What is still to be seen; nil when all hosts were looked at.
    private var open: Doubt? {
        if !unseen.isEmpty {
            return Doubt("not yet looked at: \(unseen.prefix(3).map(\.ascii).joined(separator: ", "))")
        }
        return notTried.isEmpty
            ? nil : Doubt("not looked at: \(notTried.prefix(3).joined(separator: "; "))", isOurs: true)
    }

    private var down: Doubt {
        Doubt("unreachable: \((unresolved + closed + unreachable).prefix(3).joined(separator: "; "))")
    }
}
