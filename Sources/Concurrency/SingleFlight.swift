// SPDX-License-Identifier: Apache-2.0
import Basics

/// One piece of work in flight for a key, whoever asks: later callers join the first.
///
/// The work runs in a task of its own: it goes on when all who asked have stopped waiting, and its result serves
/// the next who asks.
package final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var tasks: [Key: Task<Value, Never>] = [:]
        var places = SharedPlaces<Share>()
    }

    private let capacity: Int
    private let domain: @Sendable (Key) -> DomainName?
    private let state = Locked(State())

    /// - Parameters:
    ///   - capacity: most keys in flight at one time.
    ///   - domain: whose the key is; by its owner the capacity is shared out.
    package init(capacity: Int, of domain: @escaping @Sendable (Key) -> DomainName?) {
        self.capacity = capacity
        self.domain = domain
    }

    /// The result of the work for `key`; nil at once when too much is in flight already.
    package func join(_ key: Key, _ work: @escaping @Sendable () async -> Value) async -> Value? {
        await start(key, work)?.value
    }

    /// Starts the work unless it is in flight, and does not wait.
    @discardableResult
    package func start(_ key: Key, _ work: @escaping @Sendable () async -> Value) -> Task<Value, Never>? {
        state.withLock { state in
            if let running = state.tasks[key] { return running }
            let shares = domain(key).map { Share.owners(of: $0) } ?? []
            guard state.places.take(shares, of: capacity) else { return nil }
            let task = Task.detached { [self] in
                let value = await work()
                finish(key, shares)
                return value
            }
            state.tasks[key] = task
            return task
        }
    }

    /// The result of the work for `key` that is in flight; nil if none is, or if it comes later than `limit` from now.
    package func running(_ key: Key, within limit: Duration) async -> Value? {
        guard let task = state.withLock({ $0.tasks[key] }) else { return nil }
        // A task's value is awaited to its end, whoever is cancelled; a stream is not.
        let (results, result) = AsyncStream<Value>.makeStream()
        Task {
            result.yield(await task.value)
            result.finish()
        }
        return await before(.now + limit) {
            for await value in results { return value }
            return nil
        } ?? nil
    }

    /// The result of the work for `key` that is in flight; nil if none is.
    package func running(_ key: Key) async -> Value? { await state.withLock { $0.tasks[key] }?.value }

    package func isRunning(_ key: Key) -> Bool { state.withLock { $0.tasks[key] != nil } }

    package var count: Int { state.withLock { $0.tasks.count } }

    private func finish(_ key: Key, _ shares: [Share]) {
        state.withLock { state in
            state.tasks[key] = nil
            state.places.give(shares)
        }
    }
}
