// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials

/// One policy of `policy list --json` and `policy show --json`.
struct PolicyEntry: Encodable {
    private let domain, mode, source: String
    private let mx: [String]
    private let id, fetched, expires, until, reason: String?
    private let includesSubdomains: Bool?

    /// A policy of the settings.
    init(_ pinned: LocalPolicy) {
        domain = pinned.domain.ascii
        mode = pinned.policy.mode.rawValue
        source = "pinned"
        mx = pinned.policy.mx.map(\.description)
        (id, fetched, expires) = (nil, nil, nil)
        until = pinned.until.map { "\($0)" }
        reason = pinned.reason.map { printable($0) }
        includesSubdomains = pinned.includesSubdomains
    }

    /// A policy as it was published.
    init(_ cached: CachedPolicy) {
        domain = cached.domain.ascii
        mode = cached.policy.mode.rawValue
        source = "cached"
        mx = cached.policy.mx.map(\.description)
        id = printable(cached.id)
        fetched = "\(cached.fetchedAt)"
        expires = "\(cached.expiresAt)"
        (until, reason, includesSubdomains) = (nil, nil, nil)
    }

    /// On one line.
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and lists of them cannot fail to be written.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
