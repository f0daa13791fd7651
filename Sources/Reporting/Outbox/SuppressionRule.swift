// SPDX-License-Identifier: Apache-2.0

/// When a destination that refuses reports is left alone: its owner has no use for them, or no way to say so but to refuse.
package enum SuppressionRule {
    /// Days on which it has to refuse before.
    package static let refusalDays = 3
    /// How long it is left alone; then it is tried again.
    package static let duration = Duration.seconds(30 * 86_400)
}
