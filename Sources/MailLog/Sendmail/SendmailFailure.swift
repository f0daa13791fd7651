// SPDX-License-Identifier: Apache-2.0
import Core
import Basics
import TLSRPT

/// What failed in a session, in the words of a report.
struct SendmailFailure: Sendable, Hashable, Codable {
    /// Characters of a verification error; OpenSSL's longest has some 80.
    private static let maxReason = 100

    let type: ResultType
    let reason: String?

    private enum CodingKeys: String, CodingKey {
        case type = "t"
        case reason = "r"
    }

    init(_ type: ResultType, reason: String? = nil) {
        self.type = type
        self.reason = reason
    }

    static let noHandshake = SendmailFailure(.validationFailure, reason: handshakeFailureReason)

    /// A certificate that failed; at LogLevel 9, Sendmail's default, the log does not say why.
    init(verification reason: String?) {
        guard let reason else {
            self.init(.certificateNotTrusted)
            return
        }
        switch ResultType(verificationFault: reason) {
        case .certificateExpired?: self.init(.certificateExpired)
        case .certificateHostMismatch?: self.init(.certificateHostMismatch)
        default:
            let word = String(printable(reason, limit: Self.maxReason).map { $0 == " " ? "_" : $0 })
            self.init(.certificateNotTrusted, reason: word)
        }
    }

    /// TLS with a certificate that was trusted, refused all the same: by FEATURE(`sts`), or by a `TLS_Srv:` or `TLS_Rcpt:`
    /// entry of the access map.
    ///
    /// nil when the rules themselves failed, which says nothing of the host.
    init?(refusal text: SyslogOctets) {
        if text.hasSuffix(" not listed in SANs") || text.index(of: " does not match ") != nil {
            self.init(.certificateHostMismatch)
        } else if text.index(of: " not found in ") != nil {
            self.init(.validationFailure, reason: mxNotInPolicyReason)
        } else if text.index(of: " temp fail") != nil {
            return nil
        } else {
            self.init(.validationFailure, reason: "local-tls-rule")
        }
    }
}
