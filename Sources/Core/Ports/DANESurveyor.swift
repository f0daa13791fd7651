// SPDX-License-Identifier: Apache-2.0

/// Says whether DANE authenticates a host, without dialling it.
package protocol DANESurveyor: Sendable {
    func survey(_ candidate: MXHost, routeIsSecure: Bool) async -> DANEStatus
    /// The records that a host of a secure route is held to; nil if there are none, or they cannot be looked up.
    func tlsaPolicy(of candidate: MXHost) async -> TLSAPolicy?
}

/// What the DNS says of a host's TLSA records. - RFC 7672 §2.2: TLS Discovery.
package enum DANEStatus: Sendable, Hashable {
    /// Secure records of which at least one is usable: DANE decides.
    case usable
    /// Secure records, none of which is usable: TLS without authentication, so another policy may ask for more.
    case unusable
    /// No records, or none that DNSSEC vouches for.
    case absent
    /// Forged or broken: the host must not be used.
    case bogus(String)
    /// No address can be looked up. The MTA cannot dial the host either, so it is passed over.
    /// - RFC 7672 §2.1.2: DNS Error Handling.
    case unreachable(String)
    /// Nobody knows whether there are records, and the host could be dialled.
    case unknown(String)
}
