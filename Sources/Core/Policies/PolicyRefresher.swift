// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency

/// Works off what is due for the policies in use: fetches them anew before they run out, each in its own time.
///
/// - RFC 8461 §3.3: proactive refresh, once a day suggested. An attacker who wants a policy to run out has to block
///   every fetch over most of its life, and the log says so all the while.
package struct PolicyRefresher: Sendable {
    /// Between looks for policies that are due.
    private static let interval = Duration.seconds(60)

    private let cache: PolicyCache

    package init(_ cache: PolicyCache) { self.cache = cache }

    /// Looks again and again until the task is cancelled.
    package func run() async {
        await afterEvery(Self.interval) { await refreshDue() }
    }

    /// Logs which policies have ended, and fetches what is due; returns how many fetches were tried.
    @discardableResult
    package func refreshDue() async -> Int {
        let due = cache.dueWork(at: cache.now)
        for (domain, life) in due.ended { cache.noteEnd(of: domain, life) }
        let ours = await cache.ownRenewals(of: due.refreshes)
        await withDiscardingTaskGroup { group in
            for domain in ours { group.addTask { await cache.renew(domain) } }
        }
        return ours.count
    }
}
