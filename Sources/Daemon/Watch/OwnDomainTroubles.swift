// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

extension Examination {
    /// What the operator of the domain has to mend, the gravest first; nothing where all is in order. Safe to print.
    ///
    /// Seen as by others: a policy that has to be taken from somebody's memory is none.
    func troubles(at now: UTCTime) -> [OwnTrouble] {
        policyTroubles(at: now) + hosts.flatMap { troubles(of: $0, at: now) }
            + invalidTargets.map { OwnTrouble(.pattern, "MX \($0): names no host, and no policy can cover it") }
            + routeTroubles
            + reportingTroubles
    }

    private func policyTroubles(at now: UTCTime) -> [OwnTrouble] {
        var troubles: [OwnTrouble] = []
        switch record.status {
        case .found: break
        case .absent:
            troubles.append(
                OwnTrouble(.record, "there is no TXT record at _mta-sts.\(domain): nobody asks for the policy"))
        case .invalid, .unavailable:
            let problem = record.problem ?? record.status.rawValue
            troubles.append(OwnTrouble(.record, "TXT record at _mta-sts.\(domain): \(problem)"))
        }
        if let problem = policyProblem {
            troubles.append(OwnTrouble(.policy, problem.text))
        } else if record.status == .found, policy?.source != .live {
            troubles.append(OwnTrouble(.policy, "the policy cannot be fetched"))
        }
        troubles += (policy?.warnings ?? []).map { OwnTrouble(.policy, "policy: \($0)") }
        if let left = daysUntil(policyHostCertificateEnds, at: now), left < Self.leastDaysLeft {
            troubles.append(
                OwnTrouble(.certificate, "the certificate of mta-sts.\(domain) \(Self.ends(in: left))"))
        }
        return troubles
    }

    private func troubles(of host: Host, at now: UTCTime) -> [OwnTrouble] {
        var troubles: [OwnTrouble] = []
        switch host.status {
        case .conforming: break
        case .failing: troubles += host.problems.map { OwnTrouble(.host, "\(host.name): \($0.text)") }
        case .unreachable, .turnedAway, .unresolved, .notTried, .notProbed:
            let why = host.problems.first?.text ?? host.status.inWords
            troubles.append(OwnTrouble(.host, "\(host.name): \(why)"))
        }
        // Also of a host that DANE vouches for: not every sender does DANE.
        if let policy, policy.mode != .none, host.pattern == nil {
            troubles.append(OwnTrouble(.pattern, "\(host.name): in no mx pattern of the policy"))
        }
        if host.status == .conforming, let left = daysUntil(host.certificate?.notAfter, at: now),
            left < Self.leastDaysLeft
        {
            troubles.append(OwnTrouble(.certificate, "\(host.name): its certificate \(Self.ends(in: left))"))
        }
        return troubles
    }

    private var routeTroubles: [OwnTrouble] { routeProblem.map { [OwnTrouble(.route, $0)] } ?? [] }

    private var reportingTroubles: [OwnTrouble] {
        let place = "TXT record at _smtp._tls.\(domain)"
        let texts: [String] =
            switch tlsrpt.status {
            case .absent: ["there is no \(place): nobody reports what fails"]
            case .found: (tlsrpt.problem.map { [$0] } ?? []) + tlsrptUnserved
            case .invalid, .unavailable: [tlsrpt.problem ?? tlsrpt.status.rawValue]
            }
        return texts.map { OwnTrouble(.tlsrpt, tlsrpt.status == .absent ? $0 : "\(place): \($0)") }
    }

    /// The certificate that ends first, of MX hosts and policy host, in days from now; nil if none was seen.
    func daysUntilFirstEnd(at now: UTCTime) -> Int64? {
        ([policyHostCertificateEnds] + hosts.map { $0.certificate?.notAfter }).compactMap { daysUntil($0, at: now) }
            .min()
    }

    private func daysUntil(_ end: UTCTime?, at now: UTCTime) -> Int64? { end.map { Self.daysUntil($0, at: now) } }

    private static func ends(in days: Int64) -> String {
        days < 0 ? "has ended" : days == 0 ? "ends within a day" : "ends in \(days) days"
    }
}
