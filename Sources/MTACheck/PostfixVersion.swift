// SPDX-License-Identifier: Apache-2.0

/// A version of Postfix as `mail_version` says it: `3.7.11`, or `3.12-20260821` for a snapshot.
package struct PostfixVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// `servername` in a TLS policy.
    static let withServerName = Self(3, 4, 0)
    /// `policy_type` and what goes with it in a TLS policy; TLSRPT.
    package static let withTLSRPT = Self(3, 10, 0)
    /// Counts TLS sessions that are resumed, too, unless it is told otherwise.
    static let withResumedSessions = Self(3, 11, 0)
    /// Checks MX names against `mx_host_pattern` by itself.
    static let withPatternCheck = Self(3, 10, 5)

    let major: Int
    let minor: Int
    let patch: Int

    package init(_ major: Int, _ minor: Int, _ patch: Int) {
        (self.major, self.minor, self.patch) = (major, minor, patch)
    }

    package init?(_ text: String) {
        let parts = text.prefix { $0 != "-" }.split(separator: ".").map { Int($0) }
        guard parts.count >= 2, let major = parts[0], let minor = parts[1] else { return nil }
        self.init(major, minor, parts.count > 2 ? parts[2] ?? 0 : 0)
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }

    package var description: String { "\(major).\(minor)" + (patch == 0 ? "" : ".\(patch)") }
}
