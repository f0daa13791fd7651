// SPDX-License-Identifier: Apache-2.0

/// The kind of policy that a session was held to. - RFC 8460 §4.4: JSON Report Schema.
package enum PolicyType: String, Sendable, Hashable, CaseIterable {
    case tlsa
    case sts
    case noPolicyFound = "no-policy-found"
}

/// A word of a registry that may grow: known to us, or kept as it was read in somebody else's report.
///
/// - RFC 8460 §6.6: result types are added by expert review.
package enum Registered<Known>: Sendable, Hashable
where Known: RawRepresentable & Sendable & Hashable, Known.RawValue == String {
    case known(Known)
    /// Hostile text: make it `printable(_:limit:)` before it is shown.
    case unknown(String)

    package init(_ text: String) {
        self = Known(rawValue: text).map { .known($0) } ?? .unknown(text)
    }

    package var text: String {
        switch self {
        case .known(let known): known.rawValue
        case .unknown(let text): text
        }
    }
}
