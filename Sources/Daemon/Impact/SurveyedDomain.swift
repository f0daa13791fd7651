// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// What a survey found of one domain.
struct SurveyedDomain: Sendable {
    /// Nil when all of its mail takes a way that its policy does not govern.
    let domain: Impact.Domain?
    /// Sessions with servers that are no hosts of the domain's: a relayhost, or a transport of the site's own.
    let elsewhere: Int
    /// Whether the route was looked at.
    let isLookedAt: Bool
    /// Whether the DNS that was asked does not know the domain, to which mail went.
    var isMissing = false

    /// Of a domain whose policy holds nothing back: neither route nor hosts were looked at.
    init(_ name: DomainName, _ seen: LoggedDeliveries.Domain, under policy: PolicyLookup) {
        var reasons: [Impact.Reason] = []
        var outcome = Impact.Outcome.delivered
        let verdict: Verdict?
        switch policy {
        case .absent: verdict = .noPolicy(nil)
        case .failed(let failure):
            verdict = .noPolicy(failure)
            reasons.add("a policy is announced and cannot be fetched: \(failure.text)", at: nil)
        case .unknown(let why), .unreadable(let why):
            verdict = .unknown(why)
            outcome = .unclear
            reasons.add("nobody knows whether there is a policy: \(why)", at: nil)
        case .policy(let cached):
            verdict = cached.policy.mode == .none ? .modeNone : nil
            if cached.policy.mode == .testing { reasons.add("mode testing: its hosts were not looked at", at: nil) }
        }
        domain = Impact.Domain(
            domain: name.ascii, deliveries: seen.deliveries, held: 0, mode: policy.cached?.policy.mode.rawValue,
            outcome: outcome, verdict: verdict?.word.rawValue, reasons: reasons)
        elsewhere = 0
        isLookedAt = false
    }

    /// Of a domain that does not exist in the DNS that was asked: nobody knows what another one says of it.
    init(missing name: DomainName, _ seen: LoggedDeliveries.Domain) {
        var reasons: [Impact.Reason] = []
        reasons.add("does not exist in the DNS that is asked here, and mail went to it", at: nil)
        domain = Impact.Domain(
            domain: name.ascii, deliveries: seen.deliveries, held: 0, mode: nil, outcome: .unclear, verdict: nil,
            reasons: reasons)
        elsewhere = 0
        isLookedAt = false
        isMissing = true
    }

    /// Of a domain whose route was walked to its end.
    init(
        _ name: DomainName, _ seen: LoggedDeliveries.Domain, _ walked: Resolved<Verdict>, hostCheck: HostCheck
    ) {
        let known = walked.known
        let policy = known.policy?.cached?.policy
        elsewhere = seen.deliveries(besides: known.route?.found, policy)
        isLookedAt = true
        let deliveries = seen.deliveries - elsewhere
        guard deliveries > 0 else {
            domain = nil
            return
        }
        let (outcome, reasons) = Self.tell(walked, hostCheck)
        domain = Impact.Domain(
            domain: name.ascii, deliveries: deliveries, held: outcome == .held ? deliveries : 0,
            mode: policy?.mode.rawValue, outcome: outcome, verdict: walked.answer.word.rawValue, reasons: reasons)
    }

    private static func tell(_ walked: Resolved<Verdict>, _ hostCheck: HostCheck) -> (Impact.Outcome, [Impact.Reason]) {
        var reasons: [Impact.Reason] = []
        func add(_ findings: [HostFinding]) {
            for finding in findings {
                for failure in finding.failures { reasons.add(failure.text, at: finding.host?.ascii) }
            }
        }
        switch walked.answer {
        case .violating(let violation):
            add(violation.findings)
            return (.held, reasons)
        case .testing(let findings):
            add(findings)
            return (.delivered, reasons)
        case .unproven, .unknown, .provenLately:
            reasons.add(walked.answer.reason, at: nil)
            return (.unclear, reasons)
        case .conforming:
            let hosts = walked.known.evidence?.hosts.entries ?? []
            let byDANE = hosts.filter { $0.value.isAuthenticatedByDANE }.map(\.host.name.ascii).sorted()
            for host in byDANE { reasons.add("keeps its TLSA records (DANE)", at: host) }
            if byDANE.isEmpty {
                reasons.add(hostCheck == .probes ? "keeps the policy" : "named by the policy", at: nil)
            }
            return (.delivered, reasons)
        case .notJudged(let why):
            reasons.add(why, at: nil)
            return (.delivered, reasons)
        case .noPolicy(let failure):
            if let failure { reasons.add("a policy is announced and cannot be fetched: \(failure.text)", at: nil) }
            return (.delivered, reasons)
        case .modeNone: return (.delivered, reasons)
        }
    }
}

extension LoggedDeliveries.Domain {
    /// Sessions with hosts that neither the MX records of now nor the policy name.
    fileprivate func deliveries(besides route: Route?, _ policy: Policy?) -> Int {
        guard let route else { return 0 }
        let own = Set(route.candidates.map(\.name) + route.unprobed)
        return hosts.filter { !own.contains($0.key) && policy?.covers($0.key) != true }.reduce(0) { $0 + $1.value }
    }
}
