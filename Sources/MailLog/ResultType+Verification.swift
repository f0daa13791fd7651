// SPDX-License-Identifier: Apache-2.0
import TLSRPT

extension ResultType {
    /// What the registry calls a fault of a certificate; nil if the words are none of OpenSSL's for one.
    ///
    /// MTAs report many of these as `validation-failure`, which is for what no other type covers.
    /// - Parameter words: OpenSSL's, of any version; blanks may be hyphens or underscores, as in a `failure-reason-code`.
    /// - RFC 8460 §4.3.1: Negotiation Failures.
    package init?(verificationFault words: String) {
        guard words.utf8.count <= Self.maxFaultOctets, let type = Self.faults[Self.normalized(words)] else {
            return nil
        }
        self = type
    }

    /// The type by which a failure is counted: where a reason says more than `validation-failure`, what it says.
    /// - Parameter reason: a `failure-reason-code`.
    package func refined(by reason: String?) -> ResultType {
        guard self == .validationFailure, let reason else { return self }
        return ResultType(verificationFault: reason) ?? self
    }

    /// Longer than any of OpenSSL's texts.
    private static let maxFaultOctets = 120

    private static func normalized(_ words: String) -> String {
        let octets = words.utf8.map { octet -> UInt8 in
            switch octet {
            case UInt8(ascii: "_"), UInt8(ascii: "-"): UInt8(ascii: " ")
            case 0x41...0x5A: octet | 0x20
            default: octet
            }
        }
        return String(decoding: octets, as: UTF8.self)
    }

    /// By OpenSSL's texts (crypto/x509/x509_txt.c of 1.1 and 3), in lower case and without hyphens.
    private static let faults: [String: ResultType] = {
        var types: [String: ResultType] = [
            "certificate has expired": .certificateExpired,
            "format error in certificate's notafter field": .certificateExpired,
            "hostname mismatch": .certificateHostMismatch,
            "no matching dane tlsa records": .tlsaInvalid,
        ]
        for text in chainFaults { types[text] = .certificateNotTrusted }
        return types
    }()

    private static let chainFaults = [
        // No way to an authority that is trusted.
        "self signed certificate", "self signed certificate in certificate chain",
        "unable to get issuer certificate", "unable to get local issuer certificate",
        "unable to verify the first certificate", "certificate not trusted", "certificate rejected",
        "certificate revoked", "issuer lookup error", "subject issuer mismatch",
        "authority and subject key identifier mismatch", "authority and issuer serial number mismatch",
        // Not yet: there is no type of its own.
        "certificate is not yet valid", "certificate not yet valid", "format error in certificate's notbefore field",
        // Certificates that do not belong where they stand.
        "unsupported certificate purpose", "unsuitable certificate purpose", "path length constraint exceeded",
        "proxy path length constraint exceeded", "certificate chain too long", "path loop",
        "invalid ca certificate", "invalid non ca certificate (has ca markings)",
        "key usage does not include certificate signing", "key usage does not include digital signature",
        "unhandled critical extension", "invalid or inconsistent certificate extension",
        "invalid or inconsistent certificate policy extension", "no explicit policy",
        "permitted subtree violation", "excluded subtree violation", "unsupported extension feature",
        "name constraints minimum and maximum not supported", "unsupported name constraint type",
        "unsupported or invalid name constraint syntax", "unsupported or invalid name syntax",
        "issuer certificate doesn't have a public key", "ca cert does not include key usage extension",
        // Signatures and keys.
        "certificate signature failure", "unable to decrypt certificate's signature",
        "unable to decode issuer public key", "ee certificate key too weak", "ca certificate key too weak",
        "ca md too weak", "ca signature digest algorithm too weak",
        "cert info signature and signature algorithm mismatch",
    ]
}
