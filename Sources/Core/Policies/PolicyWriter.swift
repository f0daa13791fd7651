// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import Synchronization

/// Policies on their way to the store; one that cannot be written waits here and is tried again.
final class PolicyWriter: Sendable {
    private let store: any PolicyStore
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var waiting: [DomainName: CachedPolicy] = [:]
        /// The writers at work, one a domain, so that an older policy never comes last.
        var writing: [DomainName: Task<Bool, Never>] = [:]
    }

    init(store: any PolicyStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Takes the policy and writes it in the background.
    func save(_ policy: CachedPolicy) {
        state.withLock { $0.waiting[policy.domain] = policy }
        start(policy.domain)
    }

    func drop(_ domain: DomainName) {
        _ = state.withLock { $0.waiting.removeValue(forKey: domain) }
    }

    /// Writes all that waits; returns how many still do.
    func retry() async -> Int {
        for domain in state.withLock({ Array($0.waiting.keys) }) {
            guard await start(domain).value else { break }
        }
        return state.withLock { $0.waiting.count }
    }

    /// The writer of the domain's policies: the one at work, or a new one.
    @discardableResult
    private func start(_ domain: DomainName) -> Task<Bool, Never> {
        state.withLock { state in
            if let writer = state.writing[domain] { return writer }
            let writer = Task { await write(domain) }
            state.writing[domain] = writer
            return writer
        }
    }

    /// Writes what waits for the domain, and what comes meanwhile; false if it cannot be written.
    private func write(_ domain: DomainName) async -> Bool {
        while let policy = next(domain) {
            do {
                try await store.save(policy)
                state.withLock { if $0.waiting[domain] == policy { $0.waiting[domain] = nil } }
            } catch {
                state.withLock { $0.writing[domain] = nil }
                logger.warning(
                    "policy could not be written, it is kept in memory and tried again",
                    metadata: ["domain": "\(domain)", "cause": "\(error)"])
                return false
            }
        }
        return true
    }

    /// What to write next; nil ends the writing.
    private func next(_ domain: DomainName) -> CachedPolicy? {
        state.withLock { state in
            if let policy = state.waiting[domain] { return policy }
            state.writing[domain] = nil
            return nil
        }
    }
}
