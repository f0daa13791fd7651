// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// How many policies there are of each mode, and how old they are.
package struct PolicyCensus: Sendable, Hashable {
    package private(set) var enforce = 0
    package private(set) var testing = 0
    package private(set) var none = 0
    /// Dead, and kept for a while.
    package private(set) var ended = 0
    /// The fetch of the live policy that was not fetched for longest.
    package private(set) var oldestFetch: UTCTime?

    package init() {}

    fileprivate mutating func add(_ life: PolicyLife, at time: UTCTime) {
        guard life.isLive(at: time) else {
            ended += 1
            return
        }
        switch life.mode {
        case .enforce: enforce += 1
        case .testing: testing += 1
        case .none: none += 1
        }
        oldestFetch = min(oldestFetch ?? life.fetchedAt, life.fetchedAt)
    }
}

extension PolicyTable {
    /// Counts all policies, some 20 ms for a million; nobody waits for a lock meanwhile.
    package func census(at time: UTCTime) -> PolicyCensus {
        var census = PolicyCensus()
        for guarded in shards { guarded.withLock { $0.packed }.forEachLife { census.add($0, at: time) } }
        return census
    }
}
