// SPDX-License-Identifier: Apache-2.0
import Core

/// What Sendmail's macro `${verify}` says of a session, as `verify=` and `arg1=` in the log.
enum SendmailVerify: String, Sendable, Hashable, Codable {
    case verified = "OK"
    case verifiedByDANE = "TRUSTED"
    case failed = "FAIL"
    case noCertificate = "NO"
    case notRequested = "NOT"
    case noSTARTTLS = "NONE"
    /// A temporary error in answer to STARTTLS, or a failure of Sendmail's own.
    case temporary = "TEMP"
    case protocolError = "PROTOCOL"
    case noHandshake = "SOFTWARE"
    case configuration = "CONFIG"
    /// In the clear, after a handshake that failed (option TLSFallbacktoClear).
    case clear = "CLEAR"
    case daneFailed = "DANE_FAIL"
    case daneTemporary = "DANE_TEMP"
    case daneWithoutTLS = "DANE_NOTLS"
    /// A word of a later version: TLS, of which nothing is known.
    case other = ""

    init(_ word: SyslogOctets) {
        // Longer than any of them: not worth a text.
        self = word.count <= 16 ? SendmailVerify(rawValue: word.text) ?? .other : .other
    }

    /// How a session went that nobody objected to.
    func result(comparesNames: Bool) -> ObservedSession.Result? {
        switch self {
        case .verified: comparesNames ? .verified : .trusted
        case .verifiedByDANE: .verified
        case .failed, .daneFailed: .untrusted
        // TLS, and no word on a certificate.
        case .noCertificate, .notRequested, .daneTemporary, .other: .trusted
        case .noSTARTTLS, .temporary, .protocolError, .noHandshake, .configuration, .clear, .daneWithoutTLS: nil
        }
    }

    /// Whether anything was found of a certificate.
    var isVerdict: Bool {
        switch self {
        case .verified, .verifiedByDANE, .failed, .daneFailed: true
        case .noCertificate, .notRequested, .daneTemporary, .other, .noSTARTTLS, .temporary, .protocolError,
            .noHandshake, .configuration, .clear, .daneWithoutTLS:
            false
        }
    }

    /// What a refusal of the rules about TLS means; nil when the session's own side is to blame.
    /// - Parameters:
    ///   - reason: the verification error, which is in the log from LogLevel 12 on.
    ///   - text: the words of the refusal.
    func failure(reason: String?, text: SyslogOctets) -> SendmailFailure? {
        switch self {
        case .noSTARTTLS, .temporary, .protocolError, .daneWithoutTLS: SendmailFailure(.starttlsNotSupported)
        case .noHandshake: .noHandshake
        case .failed, .noCertificate, .notRequested: SendmailFailure(verification: reason)
        case .daneFailed: SendmailFailure(.tlsaInvalid)
        case .verified, .verifiedByDANE: SendmailFailure(refusal: text)
        case .configuration, .clear, .daneTemporary, .other: nil
        }
    }
}
