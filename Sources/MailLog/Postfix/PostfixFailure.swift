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
            // An end of validity that cannot be read has many texts.
            self.init(fault: number == 14 ? "certificate_has_expired" : Self.code(rest))
        } else {
            self.init(fault: Self.code(text))
        }
    }

    /// - Parameter word: OpenSSL's text for it; where the type says the same it is left out.
    private init(fault word: String) {
        switch ResultType.validationFailure.refined(by: word) {
        case .certificateExpired: self.init(.certificateExpired)
        case .certificateHostMismatch: self.init(.certificateHostMismatch)
        case let type: self.init(type, word)
        }
    }

    /// Postfix's words for what OpenSSL says in others.
    private static let texts: [(StaticString, PostfixFailure)] = [
        ("certificate has expired", PostfixFailure(fault: "certificate_has_expired")),
        ("untrusted issuer ", PostfixFailure(fault: "unable_to_get_local_issuer_certificate")),
        ("self-signed certificate", PostfixFailure(fault: "self-signed_certificate")),
        ("certificate not yet valid", PostfixFailure(fault: "certificate_is_not_yet_valid")),
        ("not designated for use as", PostfixFailure(fault: "unsuitable_certificate_purpose")),
        ("certificate chain longer than", PostfixFailure(fault: "certificate_chain_too_long")),
        ("not trusted by local or TLSA", PostfixFailure(fault: "certificate_not_trusted")),
    ]

    /// Reads a type as Postfix's own reports write it, with hyphens or underscores. Postfix from 3.10 on calls most faults
    /// of a certificate `validation-failure`, and says in the reason what it was.
    init(words: SyslogOctets, reason: SyslogOctets? = nil) {
        let word = words.text.split(separator: "_", omittingEmptySubsequences: false).joined(separator: "-")
        if let type = ResultType(rawValue: word) {
            let code = reason.map(Self.code)
            self.init(type.refined(by: code), code)
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
