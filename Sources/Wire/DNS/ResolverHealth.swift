// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Tells a name whose servers fail from a resolver that fails for all names: one test at a time, whoever asks.
final class ResolverHealth: Sendable {
    /// How long a resolver may take to say that a name does not exist.
    static let patience = Duration.seconds(2)
    /// How long a test stands: a storm of failures must not become one of tests.
    private static let standsFor = Duration.seconds(5)

    private let latest = Mutex<(test: Task<String?, Never>, at: ContinuousClock.Instant)?>(nil)

    /// - Parameter test: what is wrong with the resolver, nil if nothing is.
    func trouble(_ test: @escaping @Sendable () async -> String?) async -> String? {
        let task = latest.withLock { latest in
            if let latest, .now < latest.at + Self.standsFor { return latest.test }
            let task = Task.detached(operation: test)
            latest = (task, .now)
            return task
        }
        return await task.value
    }
}
