// SPDX-License-Identifier: Apache-2.0
import Logging
import MTASTS
import Names

/// Fetches the policies in use anew before they run out, each in its own time.
///
/// - RFC 8461 §3.3: proactive refresh, once a day suggested. An attacker who wants a policy to run out has to block
///   every fetch over most of its life, and the log says so all the while.
package final class PolicyRefresher: Sendable {
    /// Between looks for policies that are due.
    private static let interval = Duration.seconds(60)
    /// Fetches started at one look: after a long stop all are due, and go out over hours instead of at once.
    private static let mostAtOnce = 200
    /// A domain without mail for so long is let go when its policy ends.
    package static let unusedAfter = Duration.seconds(30 * 86_400)

    private let keeper: PolicyKeeper
    private let memory: any PolicyMemory
    private let uses: PolicyUses
    private let clock: any WallClock

    package init(keeper: PolicyKeeper, memory: any PolicyMemory, uses: PolicyUses, clock: any WallClock) {
        self.keeper = keeper
        self.memory = memory
        self.uses = uses
        self.clock = clock
    }

    /// Looks again and again until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            guard !Task.isCancelled else { return }
            await refreshDue()
        }
    }

    /// Fetches what is due now, those that end soonest first; returns how many fetches were tried.
    @discardableResult
    package func refreshDue() async -> Int {
        let now = clock.now
        let refreshInterval = keeper.refreshInterval
        let used = uses.domains(since: now - Self.unusedAfter).compactMap { memory.policy(for: $0) }
        // Asked for, a policy that has run out is let go, and named if it was lost.
        for cached in used where !cached.isLive(at: now) { _ = keeper.known(cached.domain) }
        let due = used.filter {
            $0.isLive(at: now) && now >= $0.refreshTime(every: refreshInterval) && !keeper.isPausing($0.domain)
        }
        let soonest = due.sorted { $0.expiresAt < $1.expiresAt }.prefix(Self.mostAtOnce)
        await withDiscardingTaskGroup { group in
            for cached in soonest { group.addTask { await self.keeper.renew(cached.domain) } }
        }
        return soonest.count
    }
}

extension CachedPolicy {
    /// When the policy is to be fetched anew: after the interval or half its life, whichever comes first, and up to a
    /// quarter earlier, by the name of the domain, so that policies learned together part.
    package func refreshTime(every interval: Duration) -> UTCTime {
        let span = min(interval.components.seconds, max(1, policy.maxAgeSeconds / 2))
        // Not Hasher: its seed changes with each start, and a restart must not bring all together again.
        var spread = FNV1a()
        spread.add(domain.ascii)
        return fetchedAt + .seconds(span - Int64(spread.value % UInt64(span / 4 + 1)))
    }
}
