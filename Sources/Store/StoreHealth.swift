// SPDX-License-Identifier: Apache-2.0
import Basics

/// What came of the writes since the start.
package struct StoreHealth: Sendable, Hashable {
    package fileprivate(set) var succeeded = 0
    package fileprivate(set) var failed = 0
    package fileprivate(set) var lastWrite: UTCTime?
    /// Why the last write failed, safe to print; nil if it did not.
    package fileprivate(set) var problem: String?
}

/// Counts the writes of a ``Store``: some a second.
final class WriteCounts: Sendable {
    private let state = Locked(StoreHealth())

    var health: StoreHealth { state.withLock { $0 } }

    func noteWritten() {
        let now = SystemClock().now
        state.withLock { health in
            health.succeeded += 1
            health.lastWrite = now
            health.problem = nil
        }
    }

    func noteFailed(_ error: StoreError) {
        state.withLock { health in
            health.failed += 1
            health.problem = printable("\(error)", limit: 300)
        }
    }
}
