// SPDX-License-Identifier: Apache-2.0

/// Which troubles go on, so that each is said once when it begins, and once when it is over.
package struct OngoingTroubles<Kind: Hashable & Sendable>: Sendable {
    private var kinds: Set<Kind> = []

    package init() {}

    package func contains(_ kind: Kind) -> Bool { kinds.contains(kind) }

    /// - Returns: whether the trouble did not go on before.
    package mutating func begins(_ kind: Kind) -> Bool { kinds.insert(kind).inserted }

    /// - Returns: whether the trouble has gone on until now.
    package mutating func ends(_ kind: Kind) -> Bool { kinds.remove(kind) != nil }
}
