// SPDX-License-Identifier: Apache-2.0
import Basics

/// An MTA-STS policy as its domain published it. - RFC 8461 §3.2: MTA-STS Policies.
///
/// What it says lies in a block of its own, so that handing it on costs one reference.
package struct Policy: Sendable, Hashable {
    /// What a sender does about a host that does not conform. - RFC 8461 §5: Policy Application.
    package enum Mode: String, Sendable, Hashable, CaseIterable, Codable {
        case enforce, testing, none
    }

    /// Longest lifetime, in seconds; larger published values are capped to it.
    package static let maxAgeLimitSeconds: Int64 = 31_557_600

    private final class Content: Sendable {
        let mode: Mode
        let mx: [MXPattern]
        let maxAgeSeconds: Int64
        let text: String

        init(mode: Mode, mx: [MXPattern], maxAgeSeconds: Int64, text: String) {
            self.mode = mode
            self.mx = mx
            self.maxAgeSeconds = maxAgeSeconds
            self.text = text
        }
    }

    private let content: Content

    package var mode: Mode { content.mode }
    /// At least one unless the mode is none.
    package var mx: [MXPattern] { content.mx }
    /// Lifetime after a successful fetch, in seconds.
    package var maxAgeSeconds: Int64 { content.maxAgeSeconds }
    /// Most patterns of a policy that are kept, the first ones: a hostile body holds thousands, each of which is memory.
    /// A host that only a later pattern covers is then outside the policy, which is stricter and never weaker.
    /// - Deviation: a policy has 500 patterns at most.
    package static let maxPatterns = 500

    /// The lines of the body that count, a line feed behind each: hostile text, and read again it is this policy.
    package var text: String { content.text }

    package init(mode: Mode, mx: [MXPattern], maxAgeSeconds: Int64, text: String) {
        content = Content(mode: mode, mx: mx, maxAgeSeconds: maxAgeSeconds, text: text)
    }

    /// Octets of the ``text``, which is not handed out for it.
    package var textOctets: Int { content.text.utf8.count }

    /// Whether both are the very same block, and so equal.
    package func isSame(as other: Policy) -> Bool { content === other.content }

    package static func == (left: Policy, right: Policy) -> Bool {
        if left.content === right.content { return true }
        return left.mode == right.mode && left.maxAgeSeconds == right.maxAgeSeconds && left.text == right.text
            && left.mx == right.mx
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(mode)
        hasher.combine(text)
    }

    /// Whether some pattern covers the MX host's name. - RFC 8461 §4.1: MX Host Validation.
    package func covers(_ host: DomainName) -> Bool { content.mx.contains { $0.matches(host) } }

    /// The lines that count for a report's policy-string. - RFC 8460 §4.4: Report Schema.
    /// - Deviation: policy-string has the lines that count.
    package var lines: [String] {
        text.unicodeScalars.split(separator: "\n").map { String(trimmed(Substring($0))) }.filter { !$0.isEmpty }
    }
}
