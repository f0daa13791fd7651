// SPDX-License-Identifier: Apache-2.0
import Core

/// Everything that decides about mail to one domain, as `sts-milter check` shows it. Every text is safe to print.
package struct Examination: Sendable, Codable {
    /// What the exit code tells. A domain without a policy has nothing that mail could violate.
    package enum Conclusion: Int32, Sendable, Codable {
        case conforming = 0, violating = 1, undecided = 2
    }

    package struct Record: Sendable, Codable {
        package let status: String
        package let id: String?
        package let problem: String?
    }

    package struct PolicySeen: Sendable, Codable {
        package let mode: String
        package let mx: [String]
        package let maxAgeSeconds: Int64
        /// `live`; `cached` or `preloaded` when only a stored or listed policy was available; `pinned` by the settings.
        package let source: String
        package let expires: String?
        package let warnings: [String]
    }

    package struct Problem: Sendable, Codable {
        package let type: String
        package let reasonCode: String?
        package let text: String
    }

    package struct Certificate: Sendable, Codable {
        package let subject: String
        package let issuer: String
        package let notBefore: String?
        package let notAfter: String?
        package let names: [String]
    }

    package struct Host: Sendable, Codable {
        package let name: String
        package let preference: UInt16
        package let port: UInt16
        /// The policy's pattern that covers the name.
        package let pattern: String?
        /// `conforming`, `failing` or `unreachable`.
        package let status: String
        package let address: String?
        package let tls: String?
        /// `pkix` or `dane`: what vouches for the host's name.
        package let authentication: String?
        package let certificate: Certificate?
        package let problems: [Problem]
    }

    package let domain: String
    package let record: Record
    package let policy: PolicySeen?
    package let policyProblem: Problem?
    /// When the certificate of the policy's host ends; nil where no policy was fetched.
    package let policyHostCertificateEnds: String?
    package let routeProblem: String?
    /// Whether DNSSEC vouches for the MX records.
    package let mxSecure: Bool
    package let hosts: [Host]
    /// What MX records name that is no host, such as an address: outside of every policy.
    package let invalidTargets: [String]
    /// Who would get reports is in the two lists; where nobody would, the problem says why.
    package let tlsrpt: Record
    package let tlsrptDestinations: [String]
    /// URIs of the record that get nothing, each with the reason.
    package let tlsrptUnserved: [String]
    /// One word, as in the log: `conforming`, `violating`, `not-conforming`, `no-policy`, `not-judged` or `unknown`.
    package let verdict: String
    package let explanation: String
    package let conclusion: Conclusion
}

extension Verdict {
    /// The verdict's explanation, and what a script is told.
    var told: (explanation: String, conclusion: Examination.Conclusion) {
        switch self {
        case .notJudged(let why): (why, .conforming)
        case .noPolicy(nil): ("no MTA-STS policy applies; mail is delivered", .conforming)
        case .noPolicy(let failure?):
            ("a policy is announced but cannot be fetched: \(failure.text); mail is delivered", .undecided)
        case .modeNone: ("the policy's mode is none; mail is delivered", .conforming)
        case .conforming(let mode): ("the route keeps the policy (mode \(mode.rawValue))", .conforming)
        case .testing([]): ("the route could not be judged; mail is delivered (mode testing)", .undecided)
        case .testing(let findings): ("\(Self.text(findings)); mail is delivered (mode testing)", .violating)
        case .violating(let violation):
            ("\(Self.text(violation.findings)) \(Self.text(violation.requirement))", .violating)
        case .unknown(let why): (why, .undecided)
        case .unproven(let doubt): ("\(doubt.text) \(Self.text(doubt.requirement))", .undecided)
        case .provenLately(let why): (why, .conforming)
        }
    }

    private static func text(_ requirement: Requirement) -> String {
        switch requirement {
        case .policy: "(mode enforce)"
        case .dane: "(TLSA records)"
        }
    }

    private static func text(_ findings: [HostFinding]) -> String {
        findings.map { finding in
            let failures = finding.failures.map(\.text).joined(separator: ", ")
            return finding.host.map { "\($0): \(failures)" } ?? failures
        }.joined(separator: "; ")
    }
}
