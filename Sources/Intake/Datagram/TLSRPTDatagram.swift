// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import TLSRPT

/// What an MTA says of one delivery request by libtlsrpt: the domain, and how the session went under each policy.
///
/// libtlsrpt sends one datagram for a session; Postfix sends it after the first TLS handshake of a new connection.
package struct TLSRPTDatagram: Sendable, Hashable {
    /// A policy, and how the session went under it.
    package struct PolicyOutcome: Sendable, Hashable {
        package let policy: ReportedPolicy
        package let isFailure: Bool
        /// What went wrong; empty for a session that went well in the end.
        package let details: [FailureDetails]
    }

    /// The domain whose report the session is part of.
    package let domain: DomainName
    /// The TLSRPT record as the MTA found it in the DNS.
    package let record: String
    package let policies: [PolicyOutcome]
    /// What is odd about the datagram, for the log: a version or a kind of policy that we do not know.
    package let remarks: [String]

    /// One session a policy. - RFC 8460 §4.2: Delivery Summary.
    package func sessionCounts(day: UTCDay) -> [SessionCount] {
        policies.map {
            SessionCount(
                day: day, domain: domain, policy: .reported($0.policy), isFailure: $0.isFailure,
                details: $0.details)
        }
    }

    /// The same for showing: one session a policy, with the first thing that went wrong.
    package func observedSessions(at time: UTCTime) -> [ObservedSession] {
        policies.map { outcome in
            let first = outcome.details.first
            return ObservedSession(
                source: .datagram, time: time, domain: domain,
                host: first?.receivingMXHostname.flatMap { try? DomainName(mxHost: $0) },
                address: first?.receivingIP.flatMap { IPAddress($0) }, result: outcome.result, queueID: nil)
        }
    }
}

extension TLSRPTDatagram.PolicyOutcome {
    fileprivate var result: ObservedSession.Result {
        guard isFailure else { return policy.type == .known(.noPolicyFound) ? .untrusted : .verified }
        guard let first = details.first, case .known(let type) = first.type else {
            return .failed(.validationFailure, reason: nil)
        }
        return .failed(type, reason: first.reasonCode)
    }
}
