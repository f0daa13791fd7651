// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// One session as the ledger counts it: when, for whose report, under which policy, and how it went.
///
/// - Deviation: verdicts are counted as sessions.
package struct SessionCount: Sendable, Hashable {
    /// Longest text of a failure detail, in octets: they come from the network.
    package static let maxTextOctets = 255

    package let day: UTCDay
    /// The domain whose report the session is part of.
    package let domain: DomainName
    package let policy: AppliedPolicy
    /// The one kind of failure that it counts in; nil for a session that went well.
    package let failure: FailureDetails?

    package var isFailure: Bool { failure != nil }

    /// - Parameter details: what was wrong with a failed session, in the order in which it was found; texts are cut to
    ///   ``maxTextOctets``.
    package init(
        day: UTCDay, domain: DomainName, policy: AppliedPolicy, isFailure: Bool, details: [FailureDetails] = []
    ) {
        self.day = day
        self.domain = domain
        self.policy = policy
        failure = isFailure ? FailureDetails.counted(details).cut(to: Self.maxTextOctets) : nil
    }
}

extension SessionCount {
    /// What an outcome adds to the report of its domain: nothing unless a policy was met and a verdict reached.
    ///
    /// - Deviation: no sending-mta-ip.
    /// - Deviation: tlsa policies have no policy-string.
    ///
    /// What DANE decides, a failure or the success of the best host, counts under a `tlsa` policy of the MX host, which
    /// has the records; one session can therefore count under several policies, but only once under each. - RFC 8460
    /// §4.2: Delivery Summary.
    package static func counts(of outcome: Outcome) -> [SessionCount] {
        let sts = outcome.appliedPolicy
        func count(_ policy: AppliedPolicy, _ details: [FailureDetails]) -> SessionCount {
            SessionCount(
                day: outcome.time.day, domain: outcome.policyDomain, policy: policy, isFailure: !details.isEmpty,
                details: details)
        }
        switch outcome.verdict {
        case .notJudged, .modeNone, .unknown, .unproven, .provenLately, .noPolicy(nil): return []
        case .noPolicy(let failure?):
            // None was applied, also if an older one has just run out.
            let unavailable = AppliedPolicy.sts(outcome.policyDomain, nil)
            return [count(unavailable, [FailureDetails(failure.type, reasonCode: failure.text)])]
        case .conforming: return [count(outcome.hostVouchedForByDANE.map(tlsa(of:)) ?? sts, [])]
        case .testing(let findings): return failures(findings, under: sts, of: outcome.policyDomain).map(count)
        case .violating(let violation):
            let isDANE = violation.requirement == .dane
            return failures(violation.findings, under: sts, of: outcome.policyDomain, isDANE: isDANE).map(count)
        }
    }

    private static func failures(
        _ findings: [HostFinding], under sts: AppliedPolicy, of domain: DomainName, isDANE: Bool = false
    ) -> [(AppliedPolicy, [FailureDetails])] {
        var found: [(policy: AppliedPolicy, details: [FailureDetails])] = []
        for finding in findings {
            let tlsa = tlsa(of: finding.host ?? domain)
            for failure in finding.failures {
                let policy = isDANE || failure.type.isDANE ? tlsa : sts
                let details = FailureDetails(
                    failure.type, receivingMXHostname: finding.host?.ascii, receivingMXHelo: failure.helo,
                    receivingIP: failure.address?.description, reasonCode: failure.reasonCode)
                if let index = found.firstIndex(where: { $0.policy == policy }) {
                    found[index].details.append(details)
                } else {
                    found.append((policy, [details]))
                }
            }
        }
        return found
    }

    private static func tlsa(of host: DomainName) -> AppliedPolicy {
        .reported(ReportedPolicy(.tlsa, domain: host.ascii))
    }
}

extension Outcome {
    /// The STS policy that a session counts under.
    fileprivate var appliedPolicy: AppliedPolicy { .sts(policyDomain, policy?.policy) }
}

extension FailureDetails {
    fileprivate func cut(to limit: Int) -> FailureDetails {
        var short = self
        if case .unknown(let text) = type { short.type = Registered(text.cut(to: limit)) }
        short.sendingMTAIP = sendingMTAIP.map { $0.cut(to: limit) }
        short.receivingMXHostname = receivingMXHostname.map { $0.cut(to: limit) }
        short.receivingMXHelo = receivingMXHelo.map { $0.cut(to: limit) }
        short.receivingIP = receivingIP.map { $0.cut(to: limit) }
        short.additionalInformation = additionalInformation.map { $0.cut(to: limit) }
        short.reasonCode = reasonCode.map { $0.cut(to: limit) }
        return short
    }
}
