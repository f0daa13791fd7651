// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// Everything that decides about mail to one domain, as `sts-milter check` shows it. Every text is safe to print.
package struct Examination: Sendable, Codable {
    /// What the exit code tells. A domain without a policy has nothing that mail could violate.
    package enum Conclusion: String, Sendable, Codable {
        case conforming, violating, undecided

        package var exitCode: Int32 {
            switch self {
            case .conforming: 0
            case .violating: 1
            case .undecided: 2
            }
        }
    }

    package struct Record: Sendable, Codable {
        package enum Status: String, Sendable, Codable {
            case found, absent, invalid
            /// It could not be looked up.
            case unavailable
        }

        package let status: Status
        package let id: String?
        package let problem: String?
    }

    package struct PolicySeen: Sendable, Codable {
        package enum Source: String, Sendable, Codable {
            /// As it was fetched just now.
            case live
            /// Only a stored or a listed policy was available.
            case cached, preloaded
            /// Of the settings.
            case pinned
        }

        package let mode: Policy.Mode
        package let mx: [String]
        package let maxAgeSeconds: Int64
        package let source: Source
        package let expires: UTCTime?
        package let warnings: [String]
    }

    package struct Problem: Sendable, Codable {
        /// The result type, or the status of a host that could not be looked at. - RFC 8460 §4.3: Result Types.
        package let type: String
        package let reasonCode: String?
        package let text: String
    }

    package struct Certificate: Sendable, Codable {
        package let subject: String
        package let issuer: String
        package let notBefore: UTCTime?
        package let notAfter: UTCTime?
        package let names: [String]
    }

    package struct Host: Sendable, Codable {
        package let name: String
        package let preference: UInt16
        package let port: UInt16
        /// The policy's pattern that covers the name.
        package let pattern: String?
        package let status: HostStatus
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
    package let policyHostCertificateEnds: UTCTime?
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
    package let verdict: VerdictWord
    package let explanation: String
    package let conclusion: Conclusion
}

extension Verdict {
    /// What a script is told.
    var conclusion: Examination.Conclusion {
        switch self {
        case .notJudged, .noPolicy(nil), .modeNone, .conforming, .provenLately: .conforming
        case .noPolicy, .testing([]), .unknown, .unproven: .undecided
        case .testing, .violating: .violating
        }
    }
}
