// SPDX-License-Identifier: Apache-2.0
import Core
import Basics
import TLSRPT

/// Why TLS failed, in the words of the registry. - RFC 8460 §4.3: Result Types.
struct PostfixFailure: Sendable, Hashable, Codable {
    /// Longest `failure-reason-code`, in octets: more than any text of OpenSSL.
    private static let maxReasonOctets = 120

    let type: ResultType
    let reason: String?

    private enum CodingKeys: String, CodingKey {
        case type = "t"
        case reason = "r"
    }

    init(_ type: ResultType, _ reason: String? = nil) {
        self.type = type
        self.reason = reason
    }

    static let noSTARTTLS = PostfixFailure(.starttlsNotSupported)
    static let handshake = PostfixFailure(.validationFailure, handshakeFailureReason)
    /// RFC 8460 has no type of its own for it: `certificate-host-mismatch` is about the certificate.
    static let mxNotInPolicy = PostfixFailure(.validationFailure, mxNotInPolicyReason)

    /// Reads what follows the host in `certificate verification failed for HOST[ADDRESS]:PORT: `.
    ///
    /// Postfix from 3.10 on reports most of these as `validation-failure`, the registry has a word for them. What Postfix
    /// says itself in a `TLSRPT:` line is left as it is.
    /// - RFC 8460 §4.3.1: Negotiation Failures.
    init(verification text: SyslogOctets) {
        for (beginning, failure) in Self.texts where text.hasPrefix(beginning) {
            self = failure
            return
        }
        var rest = text
        if rest.skip("external policy failure ("), let words = rest.take(until: UInt8(ascii: ")")) {
            self.init(words: words)
        } else if rest.skip("num="), let number = rest.take(until: .colon)?.number {
            self.init(openSSL: number, Self.code(rest))
        } else {
            self.init(.validationFailure, Self.code(text))
        }
    }

    private static let texts: [(StaticString, PostfixFailure)] = [
        ("certificate has expired", PostfixFailure(.certificateExpired)),
        ("untrusted issuer ", PostfixFailure(.certificateNotTrusted, "unable_to_get_local_issuer_certificate")),
        ("self-signed certificate", PostfixFailure(.certificateNotTrusted, "self-signed_certificate")),
        ("certificate not yet valid", PostfixFailure(.certificateNotTrusted, "certificate_is_not_yet_valid")),
        ("not designated for use as", PostfixFailure(.certificateNotTrusted, "unsuitable_certificate_purpose")),
        ("certificate chain longer than", PostfixFailure(.certificateNotTrusted, "certificate_chain_too_long")),
        ("not trusted by local or TLSA", PostfixFailure(.certificateNotTrusted, "certificate_not_trusted")),
    ]

    /// Errors that Postfix has no words for, by OpenSSL's number (x509_vfy.h).
    private init(openSSL number: Int, _ text: String) {
        switch number {
        case 62: self.init(.certificateHostMismatch)
        // Expired, and an end of validity that cannot be read.
        case 10, 14: self.init(.certificateExpired)
        // Self-signed, alone or in the chain, and no issuer.
        case 18, 19, 20, 21: self.init(.certificateNotTrusted, text)
        default: self.init(.validationFailure, text)
        }
    }

    /// Reads a type as Postfix's own reports write it, with hyphens or underscores.
    init(words: SyslogOctets, reason: SyslogOctets? = nil) {
        let word = words.text.split(separator: "_", omittingEmptySubsequences: false).joined(separator: "-")
        if let type = ResultType(rawValue: word) {
            self.init(type, reason.map(Self.code))
        } else {
            self.init(.validationFailure, Self.code(reason ?? words))
        }
    }

    /// A text in the form of a reason code, `hostname_mismatch`.
    private static func code(_ text: SyslogOctets) -> String {
        let words = printable(text.text, limit: maxReasonOctets)
        return words.split(separator: " ").joined(separator: "_")
    }
}
