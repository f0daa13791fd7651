// SPDX-License-Identifier: Apache-2.0
import COpenSSL

/// Versions of TLS by their numbers on the wire.
package enum TLSVersion: Int, Sendable, Hashable {
    case tlsv1 = 0x0301
    case tlsv11 = 0x0302
    case tlsv12 = 0x0303
    case tlsv13 = 0x0304
}

/// How a TLS server of the laboratory presents itself. It takes every cipher that OpenSSL has.
struct TLSServerSettings: Sendable {
    let credential: Credential
    var minimumVersion = TLSVersion.tlsv1
    var maximumVersion = TLSVersion.tlsv13
    /// Takes only key exchanges in a Diffie-Hellman group of 1024 bits: TLS 1.2, and an RSA key.
    var hasSmallGroup = false
    /// Application protocols for clients that ask for one (ALPN), best first.
    var protocols: [String] = []
    /// Told of the name that a client asks for (SNI), nil for none: says what to show it in place of ``credential``, nil
    /// for nothing else. An error ends the handshake with an alert.
    var choose: @Sendable (String?) throws -> Credential? = { _ in nil }
}
