// SPDX-License-Identifier: Apache-2.0
import Logging
import MTASTS
import Names
import Synchronization

/// Policies on their way to the store; one that cannot be written waits here and is tried again.
final class UnsavedPolicies: Sendable {
    private let store: any PolicyStore
    private let logger: Logger
    private let waiting = Mutex<[DomainName: CachedPolicy]>([:])

    init(store: any PolicyStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Takes the policy and writes it in the background.
    func save(_ policy: CachedPolicy) {
        waiting.withLock { $0[policy.domain] = policy }
        Task { await write(policy) }
    }

    func drop(_ domain: DomainName) {
        _ = waiting.withLock { $0.removeValue(forKey: domain) }
    }

    /// Writes all that waits; returns how many still do.
    func retry() async -> Int {
        for policy in waiting.withLock({ Array($0.values) }) {
            guard await write(policy) else { break }
        }
        return waiting.withLock { $0.count }
    }

    @discardableResult
    private func write(_ policy: CachedPolicy) async -> Bool {
        do {
            try await store.save(policy)
            // A newer policy of the same domain may have come meanwhile: that one still waits.
            waiting.withLock { if $0[policy.domain] == policy { $0[policy.domain] = nil } }
            return true
        } catch {
            logger.warning(
                "policy could not be written, it is kept in memory and tried again",
                metadata: ["domain": "\(policy.domain)", "cause": "\(error)"])
            return false
        }
    }
}
