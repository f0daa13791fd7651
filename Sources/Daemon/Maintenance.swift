// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import Logging
import Store

/// What a daemon does beside serving: writes what waits, refreshes policies in use, lets go of what has run out.
struct Maintenance: Sendable {
    /// Between tries to write what could not be written.
    private static let writeInterval = Duration.seconds(30)
    /// Between looks for what has run out.
    private static let tidyInterval = Duration.seconds(3600)
    /// Between looks whether store and clock are what they were, and the MTA asks: what is not noticed is lost with a
    /// restart.
    private static let watchInterval = Duration.seconds(3)
    /// Between two lines about a store that stays lost.
    private static let lossPause = Duration.seconds(300)
    /// Between looks for entries in memory that are no longer good.
    private static let sweepInterval = Duration.seconds(60)

    let store: Store
    let table: PolicyTable
    let ledger: Ledger
    let policyCache: PolicyCache
    let refresher: PolicyRefresher
    let overrides: ConfiguredOverrides
    let clock: SteadyClock
    /// Nil where no policy map is served.
    let mapUse: MapUse?
    let logger: Logger
    /// Lets go of what is no longer good in all tables.
    let sweep: @Sendable () -> Void
    /// Looks whether the resolver answers, and does DNSSEC, by now, if it did not.
    let retryDNSSEC: @Sendable () async -> Void

    /// Goes on until the task is cancelled, and then writes once more.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await ledger.run() }
            group.addTask { await refresher.run() }
            group.addTask { await overrides.run() }
            group.addTask { await tidyNowAndThen() }
            group.addTask { await watch() }
            group.addTask { await afterEvery(Self.sweepInterval) { sweep() } }
        }
    }

    /// Looks after the store's file and the clock, and once more at the end.
    private func watch() async {
        var saidAt: ContinuousClock.Instant?
        await afterEvery(Self.watchInterval, atEnd: true) {
            clock.check()
            mapUse?.look()
            // Written anew from memory, the store must not lose what was not read yet.
            guard table.isComplete else { return }
            do throws(StoreError) {
                guard let loss = try await store.mendIfLost(from: table) else { return }
                policyCache.saveUsesAnew()
                saidAt = nil
                logger.error(
                    "the database was lost while in use and is written anew from memory: stop sts-milter before it is touched",
                    metadata: ["file": "\(store.path)", "cause": "\(loss)", "policies": "\(table.count)"])
            } catch {
                if let last = saidAt, ContinuousClock.now < last + Self.lossPause { return }
                saidAt = .now
                logger.error(
                    "the database was lost and cannot be written anew: policies and counts are in memory only",
                    metadata: ["cause": "\(error)"])
            }
        }
    }

    private func tidyNowAndThen() async {
        var nextTidy = ContinuousClock.now
        await every(Self.writeInterval) {
            await policyCache.saveUnsaved()
            await retryDNSSEC()
            guard ContinuousClock.now >= nextTidy else { return }
            await tidy()
            nextTidy = ContinuousClock.now + Self.tidyInterval
        }
        try? await policyCache.saveUses()
    }

    private func tidy() async {
        // Kept for a while: the clock may have been wrong when they ended.
        let past = clock.now - CachedPolicy.keptPastEnd
        let expired = table.removeExpired(at: past)
        if expired > 0 { logger.info("policies that ended a month ago are let go", metadata: ["count": "\(expired)"]) }
        do {
            try await policyCache.saveUses()
            try await store.removeExpired(before: past)
        } catch {
            logger.warning("the store could not be tidied", metadata: ["cause": "\(error)"])
        }
    }
}
