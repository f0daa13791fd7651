// SPDX-License-Identifier: Apache-2.0
import Basics

extension Examination {
    /// A certificate that ends sooner than this is trouble already: who renews it by hand needs the time.
    private static let warnBefore: Int64 = 14

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
        case "found": break
        case "absent":
            troubles.append(
                OwnTrouble(.record, "there is no TXT record at _mta-sts.\(domain): nobody asks for the policy"))
        default:
            troubles.append(
                OwnTrouble(.record, "TXT record at _mta-sts.\(domain): \(record.problem ?? record.status)"))
        }
        if let problem = policyProblem {
            troubles.append(OwnTrouble(.policy, problem.text))
        } else if record.status == "found", policy?.source != "live" {
            troubles.append(OwnTrouble(.policy, "the policy cannot be fetched"))
        }
        troubles += (policy?.warnings ?? []).map { OwnTrouble(.policy, "policy: \($0)") }
        if let left = daysUntil(policyHostCertificateEnds, at: now), left < Self.warnBefore {
            troubles.append(
                OwnTrouble(.certificate, "the certificate of mta-sts.\(domain) \(Self.ends(in: left))"))
        }
        return troubles
    }

    private func troubles(of host: Host, at now: UTCTime) -> [OwnTrouble] {
        var troubles: [OwnTrouble] = []
        switch host.status {
        case "conforming": break
        case "failing": troubles += host.problems.map { OwnTrouble(.host, "\(host.name): \($0.text)") }
        default: troubles.append(OwnTrouble(.host, "\(host.name): \(host.problems.first?.text ?? host.status)"))
        }
        // Also of a host that DANE vouches for: not every sender does DANE.
        if let policy, policy.mode != "none", host.pattern == nil {
            troubles.append(OwnTrouble(.pattern, "\(host.name): in no mx pattern of the policy"))
        }
        if host.status == "conforming", let left = daysUntil(host.certificate?.notAfter, at: now),
            left < Self.warnBefore
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
            case "absent": ["there is no \(place): nobody reports what fails"]
            case "found": (tlsrpt.problem.map { [$0] } ?? []) + tlsrptUnserved
            default: [tlsrpt.problem ?? tlsrpt.status]
            }
        return texts.map { OwnTrouble(.tlsrpt, tlsrpt.status == "absent" ? $0 : "\(place): \($0)") }
    }

    /// The certificate that ends first, of MX hosts and policy host, in days from now; nil if none was seen.
    func daysUntilFirstEnd(at now: UTCTime) -> Int64? {
        ([policyHostCertificateEnds] + hosts.map { $0.certificate?.notAfter }).compactMap { daysUntil($0, at: now) }
            .min()
    }

    private func daysUntil(_ end: String?, at now: UTCTime) -> Int64? { end.flatMap { Self.daysUntil($0, at: now) } }

    private static func ends(in days: Int64) -> String {
        days < 0 ? "has ended" : days == 0 ? "ends within a day" : "ends in \(days) days"
    }
}
