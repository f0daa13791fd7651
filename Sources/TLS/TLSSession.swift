// SPDX-License-Identifier: Apache-2.0
import Basics

/// What to ask of a peer.
package struct TLSOptions: Sendable, Hashable {
    /// The name sent as SNI and looked for in the certificate, unless TLSA records decide.
    package let serverName: DomainName
    /// Records that DNSSEC vouches for; empty leaves the decision to the trust store.
    package var tlsa: [TLSARecord] = []
    /// The name below which the records were found, nil for the server name: sent as SNI if they can be used.
    /// - Deviation: SNI follows the TLSA records.
    /// - RFC 7672 §8.1: SNI Support.
    package var tlsaBase: DomainName?
    /// More names that a DANE-TA certificate may carry. - RFC 7672 §3.2.2: Name Checks.
    package var moreDANENames: [DomainName] = []
    /// OpenSSL's security level, 0 to 5: the strength that is asked of keys, groups and signatures, in the chain too. 1 is
    /// 80 bits: RSA and DH of 1024 bits, no SHA-1 in signatures; 2 is 112 bits: RSA and DH of 2048. Nil leaves it to the
    /// library. SSL_CTX_set_security_level(3) has the table.
    package var securityLevel: Int?
    /// The domain whose mail is to go there, which such a certificate may name as well.
    package var nextHop: DomainName?

    package init(serverName: DomainName) { self.serverName = serverName }
}

/// A TLS session as it came up, with all that is wrong with its certificate; every text is safe to print.
package struct TLSSession: Sendable, Hashable {
    package enum DANE: Sendable, Hashable {
        /// No records were given.
        case notAsked
        /// No record could be used: usages PKIX-TA and PKIX-EE, unknown parameters, malformed data.
        /// - RFC 7672 §2.2: TLS Discovery.
        case unusable
        case matched
        case mismatched
    }

    /// Such as `TLSv1.3`.
    package let version: String
    package let cipher: String
    package let certificate: CertificateSummary
    /// In the order OpenSSL met them, each kind of error once; empty if the chain is trusted. With usable TLSA
    /// records it is about those, else about the trust store. Names are not part of it without DANE.
    package let problems: [VerificationProblem]
    /// Whether a DNS-ID covers the server name; the subject's common name never does.
    package let nameMatches: Bool
    package let dane: DANE
    /// Whether DANE came to this end by the name of the next hop: it says nothing about mail to another one.
    /// - RFC 7672 §3.2.2: Name Checks.
    package let isOfNextHop: Bool
    /// Whether the leaf itself is too old; if only one above it is, `problems` alone says so.
    package let isExpired: Bool
}

/// One error of verification.
package struct VerificationProblem: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case expired
        case hostMismatch
        /// No TLSA record matches.
        case daneMismatch
        /// A key or a signature in the chain is weaker than the security level asks.
        case tooWeak
        /// Unknown issuer, self-signed, not yet valid, wrong purpose and the like.
        case untrusted
    }

    package let kind: Kind
    /// OpenSSL's `X509_V_ERR` number and its text.
    package let code: Int32
    package let text: String

    /// The text as one word, the way reports name it: `self-signed_certificate`.
    package var word: String { String(text.map { $0 == " " ? "_" : $0 }) }
}

/// What a person wants to know of a certificate; every text is safe to print.
package struct CertificateSummary: Sendable, Hashable {
    package let subject: String
    package let issuer: String
    package let notBefore: UTCTime?
    package let notAfter: UTCTime?
    /// DNS-IDs, at most ``maxNames`` of them.
    package let names: [String]

    /// A certificate of 100 KiB can hold thousands; nobody reads more than the first.
    package static let maxNames = 10
}
