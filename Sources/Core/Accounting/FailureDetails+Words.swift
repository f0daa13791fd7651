// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

extension FailureDetails {
    /// Longest word of somebody else's that is shown, in characters.
    private static let maxShownCharacters = 100

    /// What went wrong, as a person reads it; safe to print.
    package var inWords: String {
        guard case .known(let known) = type else {
            return printable(type.text, limit: Self.maxShownCharacters) + reasonInWords
        }
        switch (known, reasonCode) {
        case (.validationFailure, mxNotInPolicyReason): return "the MX host is not in the policy"
        case (.validationFailure, handshakeFailureReason): return "the TLS handshake failed"
        case (.validationFailure, tlsNotUsedReason): return "mail went without TLS although the host offers STARTTLS"
        // These say it in a sentence already.
        case (.stsPolicyFetchError, let text?), (.stsPolicyInvalid, let text?), (.stsWebPKIInvalid, let text?):
            return "\(known.inWords): \(printable(text, limit: Self.maxShownCharacters))"
        default: return known.inWords + reasonInWords
        }
    }

    private var reasonInWords: String {
        guard let reasonCode, !reasonCode.isEmpty else { return "" }
        return " (\(printable(reasonCode, limit: Self.maxShownCharacters)))"
    }
}

extension ResultType {
    /// - RFC 8460 §4.3: Result Types.
    fileprivate var inWords: String {
        switch self {
        case .starttlsNotSupported: "the host does not offer STARTTLS"
        case .certificateHostMismatch: "the certificate does not name the host"
        case .certificateExpired: "the certificate has expired"
        case .certificateNotTrusted: "the certificate comes from no trusted authority"
        case .validationFailure: "the TLS session could not be verified"
        case .tlsaInvalid: "no TLSA record matches the certificate"
        case .dnssecInvalid: "the DNS answer fails DNSSEC validation"
        case .daneRequired: "DANE is required, and there are no TLSA records that can be used"
        case .stsPolicyFetchError: "the policy cannot be fetched"
        case .stsPolicyInvalid: "the policy cannot be read"
        case .stsWebPKIInvalid: "the policy host's certificate cannot be verified"
        }
    }
}
