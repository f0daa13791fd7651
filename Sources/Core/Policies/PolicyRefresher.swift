// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging

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

    private let keeper: PolicyCache
    private let memory: any PolicyMemory
    private let uses: PolicyUsage
    private let clock: any WallClock

    package init(keeper: PolicyCache, memory: any PolicyMemory, uses: PolicyUsage, clock: any WallClock) {
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
        let soonest = due()
        await withDiscardingTaskGroup { group in
            for domain in soonest { group.addTask { await self.keeper.renew(domain) } }
        }
        return soonest.count
    }

    /// What is due, by the lives of the policies alone: their texts are not read, and only as many domains are held as
    /// are fetched.
    private func due() -> [DomainName] {
        let now = clock.now
        let refreshInterval = keeper.refreshInterval
        var due: [(domain: DomainName, expiresAt: UTCTime)] = []
        uses.forEach(since: now - Self.unusedAfter) { domain in
            guard let life = memory.life(of: domain) else { return }
            guard life.isLive(at: now) else { return keeper.noteEnd(of: domain, life) }
            // A fetch in the future was by a clock that has been set back.
            let isDue = life.fetchedAt > now || now >= life.refreshTime(of: domain, every: refreshInterval)
            guard isDue, !keeper.isPausing(domain) else { return }
            due.append((domain, life.expiresAt))
            if due.count >= 2 * Self.mostAtOnce { Self.keepSoonest(of: &due) }
        }
        Self.keepSoonest(of: &due)
        return due.map(\.domain)
    }

    private static func keepSoonest(of due: inout [(domain: DomainName, expiresAt: UTCTime)]) {
        due.sort { $0.expiresAt < $1.expiresAt }
        due.removeLast(max(0, due.count - mostAtOnce))
    }
}

extension PolicyLife {
    /// When the policy is to be fetched anew: after the interval or half its life, whichever comes first, and up to a
    /// quarter earlier, by the name of the domain, so that policies learned together part.
    package func refreshTime(of domain: DomainName, every interval: Duration) -> UTCTime {
        let span = min(interval.components.seconds, max(1, (expiresAt - fetchedAt).components.seconds / 2))
        // Not Hasher: its seed changes with each start, and a restart must not bring all together again.
        var spread = FNV1a()
        spread.add(domain.ascii)
        return fetchedAt + .seconds(span - Int64(spread.value % UInt64(span / 4 + 1)))
    }
}
