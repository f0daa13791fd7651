// SPDX-License-Identifier: Apache-2.0

/// One of a fixed set of cases without values, of which each can have a counter of its own.
@usableFromInline
package protocol NumberedCase: CaseIterable, BitwiseCopyable {}

extension NumberedCase {
    /// Its place among ``allCases``, without a search: Swift keeps such a case as its number in the order of declaration.
    @inlinable
    package var place: Int { withUnsafeBytes(of: self) { Int($0[0]) } }
}
