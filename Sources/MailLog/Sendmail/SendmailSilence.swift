// SPDX-License-Identifier: Apache-2.0
import Core

/// What Sendmail's log leaves unsaid: each is logged once.
struct SendmailSilence: Sendable, Hashable, Codable {
    /// Deliveries without a word of TLS before anything is said.
    private static let enough = 5

    private var plaintext = 0
    private var hasTLS = false
    private var lacksReason = false
    /// What was logged already.
    private var hasLoggedTLS = false
    private var hasLoggedReason = false

    private enum CodingKeys: String, CodingKey {
        case plaintext = "p"
        case hasTLS = "h"
        case lacksReason = "l"
        case hasLoggedTLS = "t"
        case hasLoggedReason = "r"
    }

    init() {}

    mutating func noteTLS() { hasTLS = true }

    mutating func note(_ result: ObservedSession.Result) {
        switch result {
        case .plaintext: plaintext = min(plaintext + 1, Self.enough)
        case .failed(.certificateNotTrusted, reason: nil): lacksReason = true
        case .failed, .verified, .trusted, .untrusted, .notWanted, .refusedByMap: break
        }
    }

    mutating func takeRemarks() -> [String] {
        var remarks: [String] = []
        if !hasTLS, plaintext >= Self.enough, !hasLoggedTLS {
            hasLoggedTLS = true
            remarks.append(
                "Sendmail's log has no word of TLS: unless no server offers it, set LogLevel to 9 or more (confLOG_LEVEL)"
            )
        }
        if lacksReason, !hasLoggedReason {
            hasLoggedReason = true
            remarks.append(
                "Sendmail's log does not say why certificates fail: set LogLevel to 14 (confLOG_LEVEL) to have the reasons in reports"
            )
        }
        return remarks
    }
}
