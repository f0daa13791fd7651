// SPDX-License-Identifier: Apache-2.0

/// How much of a report is shown.
package struct ViewLimits: Sendable {
    let policies: Int
    let kinds: Int

    /// What a person reads.
    package static let usual = ViewLimits(policies: 200, kinds: 20)
    package static let none = ViewLimits(policies: .max, kinds: .max)
}
