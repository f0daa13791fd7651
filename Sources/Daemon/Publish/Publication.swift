// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import TLSRPT

/// What a domain publishes so that others deliver to it over verified TLS only: two TXT records and a policy file, made
/// from its MX hosts as an examination saw them.
package struct Publication: Sendable {
    /// How long senders keep a policy: short while it is tried, so that a mistake is gone in a day; then weeks.
    /// - RFC 8461 §3.2: max_age.
    static let maxAge: [Policy.Mode: Int64] = [.testing: 86_400, .enforce: 2_419_200, .none: 86_400]

    package let domain: DomainName
    let mode: Policy.Mode
    let hosts: [String]
    /// What the domain's TXT record is to say: a new id tells senders that the policy has changed.
    let id: String
    /// Where reports go, a URI.
    let destination: String
    /// What must be mended before senders enforce the policy, or know, the gravest first; safe to print.
    package let warnings: [String]
    /// 0 the hosts keep the policy, 1 one does not, 2 not all could be looked at.
    package let exitCode: Int32

    /// - Parameters:
    ///   - seen: the domain as it is now.
    ///   - mode: testing first: senders then report and hold nothing back.
    ///   - destination: nil for `tlsrpt@` the domain.
    /// - Returns: nil for a domain without MX hosts, unless it takes its policy back: there is nothing to publish.
    package init?(
        of domain: DomainName, _ seen: Examination, mode: Policy.Mode, reportsTo destination: ReportDestination?,
        at now: UTCTime
    ) {
        // A policy that is taken back names no host.
        guard !seen.hosts.isEmpty || mode == .none else { return nil }
        self.domain = domain
        self.mode = mode
        hosts = seen.hosts.map(\.name)
        id = String("\(now)".filter(\.isNumber))
        self.destination = destination?.description ?? "mailto:tlsrpt@\(domain.ascii)"
        var warnings = seen.hosts.flatMap { Self.warnings(of: $0, at: now) }
        warnings += seen.invalidTargets.map { "MX \($0): names no host, and no policy can cover it" }
        warnings += Self.warnings(ofPublished: seen, mode)
        self.warnings = warnings
        let isBroken = !seen.invalidTargets.isEmpty || seen.hosts.contains { $0.status == .failing }
        exitCode = isBroken ? 1 : seen.hosts.allSatisfy { $0.status == .conforming } ? 0 : 2
    }

    private static func warnings(of host: Examination.Host, at now: UTCTime) -> [String] {
        switch host.status {
        case .failing:
            return host.problems.map { "\(host.name): \($0.text): with mode enforce senders would not deliver to it" }
        case .conforming:
            guard let end = host.certificate?.notAfter else { return [] }
            let left = Examination.daysUntil(end, at: now)
            guard left < Examination.leastDaysLeft else { return [] }
            return ["\(host.name): its certificate ends at \(end), in \(left) days"]
        case .unreachable, .turnedAway, .unresolved, .notTried, .notProbed:
            let why = host.problems.first?.text ?? "not looked at"
            return ["\(host.name): could not be looked at (\(why)): see that it offers STARTTLS and names itself"]
        }
    }

    private static func warnings(ofPublished seen: Examination, _ mode: Policy.Mode) -> [String] {
        var warnings: [String] = []
        if let policy = seen.policy, policy.source == .live {
            if policy.mode == .enforce, mode != .enforce {
                warnings.append("the domain publishes mode enforce now: this takes protection back")
            }
            for host in seen.hosts where host.pattern == nil {
                warnings.append("\(host.name): the policy of now does not name it")
            }
        }
        if seen.record.status == .invalid {
            warnings.append("the record of now is of no use: \(seen.record.problem ?? "")")
        }
        if let problem = seen.policyProblem { warnings.append("the policy of now is of no use: \(problem.text)") }
        return warnings
    }
}
