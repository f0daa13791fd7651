// SPDX-License-Identifier: Apache-2.0
import Basics

/// Where no policy is enforced: do the hosts keep their TLSA records? For an MTA that does not look itself.
///
/// DANE only ever holds mail back here; what it does not hold back goes as it would without it. Nobody is counted on to do
/// better at the delivery, not even the policy map: an MTA that does no DANE cannot be told to.
/// - RFC 7672 §2.2: TLS Discovery.
extension VerdictQuestion {
    /// - Returns: nil where DANE has nothing against the mail, or nothing is to be said yet.
    func decideByDANE(_ known: Known) -> Step<Verdict>? {
        switch known.route {
        case .route(let route) where route.isSecure: decideByDANE(known, on: route)
        // Whether DNSSEC vouches for the route is what nobody knows. - RFC 7672 §2.1.2: DNS Error Handling.
        case .error(.bogus(let text)), .error(.unavailable(let text)): doubt(Doubt(text))
        case nil: known.late.flatMap { $0.isOurs ? nil : doubt($0) }
        case .route, .insecure, .error(.nullMX), .error(.noSuchDomain), .error(.notAsked): nil
        }
    }

    /// - Parameter route: one that DNSSEC vouches for.
    private func decideByDANE(_ known: Known, on route: Route) -> Step<Verdict>? {
        guard let statuses = known.dane else { return known.late.map(doubt) ?? .need(.dane) }
        let survey = TLSASurvey(route, statuses)
        let isPlain = survey.usable.isEmpty && survey.unusable.isEmpty && survey.failure == nil
        if isPlain { return survey.open.isEmpty ? survey.unreachable.map { doubt(Doubt($0)) } : nil }
        guard let seen = known.evidence else { return known.late.map(doubt) ?? .need(.hosts) }
        let tally = DANETally(survey, seeing: seen)
        switch tally.conclusion {
        case .kept: return nil
        case .broken:
            let violation = Violation(policyDomain: route.policyDomain, findings: tally.bad, requirement: .dane)
            return .answer(.violating(violation))
        case .open(let text):
            if known.late == nil, !known.areHostsAsked { return .need(.hosts) }
            return doubt(Doubt(text, isOurs: tally.isOpenByOurs))
        }
    }

    private func doubt(_ doubt: Doubt) -> Step<Verdict> {
        .answer(.unproven(Doubt(doubt.text, isOurs: doubt.isOurs, of: .dane)))
    }
}

/// The hosts of a secure route, sorted by whether they keep their TLSA records.
private struct DANETally {
    enum Conclusion { case kept, broken, open(String) }

    private var good = 0
    /// Hosts that need no proof: without records, or with none that can be used and TLS that came up.
    private var free = 0
    private(set) var bad: [HostFinding] = []
    private var down: [String] = []
    /// Hosts that may take mail and were not seen to keep their records.
    private var unseen: [String] = []
    private var notTried: [String] = []

    init(_ survey: TLSASurvey, seeing evidence: Evidence) {
        free = survey.absent.count
        for host in survey.usable + survey.unknownHosts { add(host, evidence, mustProve: true) }
        for host in survey.unusable { add(host, evidence, mustProve: false) }
    }

    private mutating func add(_ host: MXHost, _ evidence: Evidence, mustProve: Bool) {
        switch evidence.hosts[host] {
        case .conforming: good += 1
        // - RFC 7672 §2.2: records that cannot be used ask for TLS, and not for authentication.
        case .failing(_, let facts?) where !mustProve && facts.authentication == .pkix: free += 1
        case .failing(let failures, _): bad.append(HostFinding(host: host.name, failures: failures))
        case .unreachable(let text): down.append("\(host.name): \(text)")
        case .turnedAway(let text), .unresolved(let text): unseen.append("\(host.name): \(text)")
        case nil:
            if let cause = evidence.notTried[host] {
                notTried.append("\(host.name): \(cause)")
            } else {
                unseen.append("\(host.name): not yet looked at")
            }
        }
    }

    var isOpenByOurs: Bool { unseen.isEmpty && !notTried.isEmpty }

    var conclusion: Conclusion {
        if !bad.isEmpty { return .broken }
        if let first = (unseen + notTried).first { return .open(first) }
        return good + free > 0 ? .kept : .open("unreachable: \(down.prefix(3).joined(separator: "; "))")
    }
}
