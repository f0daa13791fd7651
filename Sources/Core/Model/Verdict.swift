// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// Whether a recipient's route keeps the policy of its domain.
package enum Verdict: Sendable, Hashable {
    /// Not ours to judge (local transport, address literal, null MX, no such domain); the text says why.
    case notJudged(String)
    /// No policy applies; a failure says that one is announced but cannot be fetched.
    case noPolicy(PolicyFailure?)
    /// The policy's mode is none. - RFC 8461 §5: as though the domain had no policy.
    case modeNone
    case conforming(Policy.Mode)
    /// A testing policy whose route does not conform, or is not known to (then no findings): mail goes all the same.
    case testing([HostFinding])
    /// The route breaks an enforce policy: mail must not go.
    case violating(Violation)
    /// Nobody could say in time whether there is a policy; the text says what is missing.
    case unknown(String)
    /// An enforce policy applies, and its hosts have not been seen to conform: not to be able to look is no proof.
    /// - RFC 8461 §5: Policy Application.
    case unproven(Doubt)
    /// As ``unproven(_:)``, but the route conformed within the last day, and only a failure of our own, which the text tells,
    /// keeps us from looking again.
    case provenLately(String)
}

/// What the hosts of a route must keep.
package enum Requirement: Sendable, Hashable {
    /// An enforce policy.
    case policy
    /// Their TLSA records, where no policy applies. - RFC 7672 §2.2: TLS Discovery.
    case dane
}

/// Why a route has not been seen to keep its policy.
package struct Doubt: Sendable, Hashable {
    /// What a person reads, safe to print.
    package let text: String
    /// Whether a failure of our own alone keeps us from seeing: no room, no descriptors, no resolver. What the hosts, the
    /// network between, or the domain's DNS do is never ours, for that is what an attacker can choose.
    package let isOurs: Bool
    package let requirement: Requirement

    package init(_ text: String, isOurs: Bool = false, of requirement: Requirement = .policy) {
        self.text = text
        self.isOurs = isOurs
        self.requirement = requirement
    }
}

/// A host and why it does not conform.
package struct HostFinding: Sendable, Hashable {
    /// The MX host; nil when the failure is of the domain's MX answer itself.
    package let host: DomainName?
    /// At least one, the gravest first.
    package let failures: [Failure]

    package init(host: DomainName?, failures: [Failure]) {
        self.host = host
        self.failures = failures
    }
}

/// A broken enforce policy, or TLSA records that are not kept.
package struct Violation: Sendable, Hashable {
    package let policyDomain: DomainName
    /// At least one, in order of preference.
    package let findings: [HostFinding]
    package let requirement: Requirement

    package init(policyDomain: DomainName, findings: [HostFinding], requirement: Requirement = .policy) {
        self.policyDomain = policyDomain
        self.findings = findings
        self.requirement = requirement
    }

    /// The failure a person is told of first.
    package var headline: (host: DomainName?, failure: Failure)? {
        guard let finding = findings.first, let failure = finding.failures.first else { return nil }
        return (finding.host, failure)
    }
}

/// Who enforces policies at delivery, which decides what one bad host means.
///
/// - Deviation: policies are judged at reception.
package enum Enforcement: String, Sendable, Hashable, CaseIterable {
    /// The milter alone: the MTA may dial any host it can reach, so one bad host breaks the policy.
    case milter = "milter"
    /// The MTA skips bad hosts by its policy map: the policy breaks when no host conforms.
    case milterAndPolicyMap = "milter+policy-map"
}

/// Who the operator says enforces policies at delivery.
package enum EnforcementChoice: String, Sendable, Hashable, CaseIterable {
    /// The milter alone, until the MTA is heard to ask the policy map: ``MapUse``.
    case auto
    case milter = "milter"
    case milterAndPolicyMap = "milter+policy-map"

    /// Who enforces where nobody knows whether the MTA asks the map.
    package var unheard: Enforcement {
        switch self {
        case .auto, .milter: .milter
        case .milterAndPolicyMap: .milterAndPolicyMap
        }
    }
}

/// When the milter looks at DANE.
package enum DANEUse: String, Sendable, Hashable, CaseIterable {
    /// Where an MTA-STS policy makes it look at the hosts.
    case policy
    /// Also where no policy is enforced: for an MTA that does no DANE.
    case always
}

/// How closely hosts are looked at.
package enum HostCheck: Sendable, Hashable {
    /// A host conforms when a probe has seen it conform.
    case probes
    /// A host conforms when a pattern covers its name: the setting `probe.enabled = false`.
    case namesOnly
}
