// SPDX-License-Identifier: Apache-2.0
import Core

/// What Sendmail's log leaves unsaid: each is logged once.
struct SendmailSilence: Sendable, Hashable, Codable {
    /// Deliveries without a word of TLS before anything is said.
    private static let enough = 5

    private var plaintext = 0
    /// Whether the log has told of TLS, and not too long ago.
    private(set) var hasTLS = false
    /// The sessions since it last did.
    private var run: SilentRun?
    private var lacksReason = false
    /// What was logged already.
    private var hasLoggedTLS = false
    private var hasLoggedReason = false

    private enum CodingKeys: String, CodingKey {
        case plaintext = "p"
        case hasTLS = "h"
        case run = "s"
        case lacksReason = "l"
        case hasLoggedTLS = "t"
        case hasLoggedReason = "r"
    }

    init() {}

    mutating func noteTLS() {
        hasTLS = true
        if run != nil { run = nil }
    }

    mutating func note(_ session: ObservedSession) {
        switch session.result {
        // What follows on a handshake that failed is known to be in the clear.
        case .plaintext where session.fallbackReason == nil:
            plaintext = min(plaintext + 1, Self.enough)
            noteRun(session.host?.ascii ?? session.cutHost?.description ?? "")
        case .failed(.certificateNotTrusted, reason: nil): lacksReason = true
        case .failed, .verified, .trusted, .untrusted, .plaintext, .notWanted, .refusedByMap: break
        }
    }

    /// The administrator may have set LogLevel to less than 9.
    private mutating func noteRun(_ host: String) {
        guard hasTLS else { return }
        var current = run ?? SilentRun()
        let isLong = current.add(host)
        run = isLong ? nil : current
        if isLong { (hasTLS, hasLoggedTLS) = (false, false) }
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
