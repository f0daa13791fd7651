// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// What is to be done for the policies in use, although no mail asks now.
package struct DuePolicies: Sendable {
    /// To be fetched anew, those that end soonest first.
    package fileprivate(set) var refreshes: [DomainName] = []
    /// Ended, and not said to have.
    package fileprivate(set) var ended: [DomainName: PolicyLife] = [:]
}

extension PolicyCache {
    /// Fetches of one look: after a long stop all are due, and go out over hours instead of at once.
    private static let mostAtOnce = 200
    /// Ends said at one look: after a jump of the clock they are as many as there are policies.
    private static let mostEnds = 10_000

    /// What is due by now, by the lives of the policies alone: their texts are not read, and only as many domains are
    /// held as are fetched. What waits to be written is not here: a write must not wait for fetches.
    package func dueWork(at now: UTCTime) -> DuePolicies {
        let refreshInterval = settings.withLock { $0.refreshInterval }
        var due = DuePolicies()
        var soonest: [(domain: DomainName, expiresAt: UTCTime)] = []
        entries.forEachUsed(since: now - Self.unusedAfter) { domain in
            guard let life = memory.life(of: domain) else { return }
            guard life.isLive(at: now) else {
                if due.ended.count < Self.mostEnds, !isEndSaid(of: domain, life, at: now) { due.ended[domain] = life }
                return
            }
            // A fetch in the future was by a clock that has been set back.
            let isDue = life.fetchedAt > now || now >= life.refreshTime(of: domain, every: refreshInterval)
            guard isDue, !isPausing(domain, at: now) else { return }
            soonest.append((domain, life.expiresAt))
            if soonest.count >= 2 * Self.mostAtOnce { Self.keepSoonest(of: &soonest) }
        }
        Self.keepSoonest(of: &soonest)
        due.refreshes = soonest.map(\.domain)
        return due
    }

    private static func keepSoonest(of due: inout [(domain: DomainName, expiresAt: UTCTime)]) {
        due.sort { $0.expiresAt < $1.expiresAt }
        due.removeLast(max(0, due.count - mostAtOnce))
    }

    private func isEndSaid(of domain: DomainName, _ life: PolicyLife, at now: UTCTime) -> Bool {
        entries.value(of: domain) { $0.endSaid?.value(at: now) } == life.expiresAt
    }

    /// Whether fetches pause because they failed, with the record or without it: many such domains must not take the
    /// turns of those that can be renewed.
    func isPausing(_ domain: DomainName, at now: UTCTime) -> Bool {
        entries.value(of: domain) { entry in
            entry.withoutRecord.contains(now) || entry.pause?.value(at: now).map { now < $0.until } ?? false
        } ?? false
    }

    /// Fetches a policy in use anew, although its id stays; a pause after failures is kept.
    /// - Returns: what became of the fetch; never ``PolicyLook/Fetch/notDue``.
    @discardableResult
    func renew(_ domain: DomainName) async -> PolicyLook.Fetch {
        let joined = await lookups.join(domain) { await self.lookUp(domain, fetchAlways: true) }
        guard let joined else { return .notTried }
        if joined.fetch != .notDue { return joined.fetch }
        // A look that mail had begun fetched nothing, and must not stand for this one.
        return await lookUp(domain, fetchAlways: true).fetch
    }

    /// Lets go of what is no longer good.
    package func sweep() { entries.sweep(at: clock.now) }

    /// Writes the policies that could not be written before; returns how many are still unsaved.
    @discardableResult
    package func saveUnsaved() async -> Int { await writer.retry() }

    // MARK: Uses across restarts

    /// Takes uses that the store holds, as the daemon starts; newer ones stay.
    package func loadUses(_ uses: [DomainName: UTCTime]) { entries.load(uses) }

    /// Writes the uses that are new; one that cannot be written waits for the next time.
    package func saveUses() async throws {
        let uses = entries.takeUnsavedUses()
        guard !uses.isEmpty else { return }
        do { try await store.save(uses: uses) } catch {
            entries.putBackUnsavedUses(of: uses.keys)
            throw error
        }
    }

    /// Has all uses written again: the store was lost.
    package func saveUsesAnew() { entries.putBackAllUses() }
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
