// SPDX-License-Identifier: Apache-2.0
import Logging
import MTASTS
import Names
import Pipeline
import Store

/// What a daemon does beside serving: writes what waits, refreshes policies in use, lets go of what has run out.
struct Upkeep: Sendable {
    /// Between tries to write what could not be written.
    private static let writeInterval = Duration.seconds(30)
    /// Between looks for what has run out.
    private static let tidyInterval = Duration.seconds(3600)

    let store: Store
    let table: PolicyTable
    let ledger: Ledger
    let keeper: PolicyKeeper
    let refresher: PolicyRefresher
    let standing: Standing
    let logger: Logger
    /// Looks whether the resolver does DNSSEC by now, if it did not.
    let retryDNSSEC: @Sendable () async -> Void

    /// Goes on until the task is cancelled, and then writes once more.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await ledger.run() }
            group.addTask { await refresher.run() }
            group.addTask { await standing.run() }
            group.addTask { await tidyNowAndThen() }
        }
    }

    private func tidyNowAndThen() async {
        var nextTidy = ContinuousClock.now
        while !Task.isCancelled {
            await keeper.saveUnsaved()
            await retryDNSSEC()
            if ContinuousClock.now >= nextTidy {
                await tidy()
                nextTidy = ContinuousClock.now + Self.tidyInterval
            }
            try? await Task.sleep(for: Self.writeInterval)
        }
        try? await keeper.uses.save(to: store)
    }

    private func tidy() async {
        let now = SystemClock().now
        let expired = table.removeExpired(at: now)
        if expired > 0 { logger.info("policies without mail expired", metadata: ["count": "\(expired)"]) }
        do {
            try await keeper.uses.save(to: store)
            try await store.removeExpired(before: now)
        } catch {
            logger.warning("the store could not be tidied", metadata: ["cause": "\(error)"])
        }
    }
}
