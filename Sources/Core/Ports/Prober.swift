// SPDX-License-Identifier: Apache-2.0
import Basics

/// Tries STARTTLS on one host.
package protocol Prober: Sendable {
    /// Never throws: what goes wrong is what was seen.
    /// - Parameters:
    ///   - routeIsSecure: whether DNSSEC vouches for the MX records, without which DANE does not apply.
    ///   - policyDomain: whose mail asks, by whose owner places are shared out.
    ///   - turn: called with false when the host has to wait for a place of ours, so that what takes time is our doing,
    ///     and with true when it has one.
    func probe(
        _ candidate: MXHost, routeIsSecure: Bool, for policyDomain: DomainName,
        turn: @escaping @Sendable (Bool) -> Void
    ) async -> ProbeResult
}

/// What came of looking at a host.
package enum ProbeResult: Sendable, Hashable {
    case seen(HostEvidence)
    /// A failure of our own kept us from looking, which says nothing of the host and is not kept; the text says what.
    case notTried(String)

    package var evidence: HostEvidence? { if case .seen(let evidence) = self { evidence } else { nil } }
}
