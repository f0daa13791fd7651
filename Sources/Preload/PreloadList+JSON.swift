// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

extension PreloadList {
    /// A list of our own: live enforce and testing policies that the format can say.
    ///
    /// - Returns: the list, and a line for each policy that was left out although it asks for something.
    package static func make(
        of policies: some Sequence<CachedPolicy>, at now: UTCTime, lifetime: Duration, author: String?
    ) -> (list: PreloadList, skipped: [String]) {
        var listed: [DomainName: Policy] = [:]
        var skipped: [String] = []
        for cached in policies where cached.isLive(at: now) && cached.policy.mode != .none {
            if cached.domain.labelCount < 2 {
                skipped.append("\(cached.domain): not fully qualified")
            } else if let pattern = cached.policy.mx.first(where: { $0.domain.labelCount < 2 }) {
                skipped.append("\(cached.domain): mx \(pattern) cannot be said in a list")
            } else if cached.policy.mx.count > maxPatterns {
                skipped.append("\(cached.domain): more than \(maxPatterns) mx")
            } else {
                var seen: Set<MXPattern> = []
                let patterns = cached.policy.mx.filter { seen.insert($0).inserted }
                listed[cached.domain] = Policy(unpublished: cached.policy.mode, mx: patterns)
            }
        }
        let list = PreloadList(timestamp: now, expires: now + lifetime, author: author, policies: listed)
        return (list, skipped)
    }

    /// The list as its schema wants it, sorted so that two lists can be compared line by line.
    package var json: String {
        var lines = [
            "{", "  \"timestamp\": \(quotedText("\(timestamp)")),", "  \"expires\": \(quotedText("\(expires)")),",
            "  \"version\": \(quotedText(Self.version)),",
        ]
        if let author { lines.append("  \"author\": \(quotedText(author)),") }
        lines += ["  \"policy-aliases\": {},", "  \"policies\": {"]
        let sorted = policies.sorted { $0.key < $1.key }
        for (index, (domain, policy)) in sorted.enumerated() {
            let hosts = policy.mx.map { quotedText($0.isWildcard ? ".\($0.domain)" : $0.domain.ascii) }
            let comma = index == sorted.count - 1 ? "" : ","
            lines.append(
                "    \(quotedText(domain.ascii)): {\"mode\": \(quotedText(policy.mode.rawValue)), \"mxs\": [\(hosts.joined(separator: ", "))]}\(comma)"
            )
        }
        return (lines + ["  }", "}"]).joined(separator: "\n") + "\n"
    }
}
