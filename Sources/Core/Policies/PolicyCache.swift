// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Logging
import MTASTS
import Synchronization
import TLSRPT

/// The policies of all domains, and what is known of them.
///
/// The life of a policy: mail for a domain that was never seen asks (``resolve(_:)``): the TXT record first, then, if it
/// announces a policy, the policy host, once for all who ask meanwhile (`SingleFlight`). A valid policy goes into
/// memory (``PolicyMemory``, packed) and by ``PolicyWriter`` into the store, from where the next start reads it.
/// From then on ``cached(_:)`` answers at once. Mail is noted (``noteUse(of:found:)``): it has the record looked at
/// anew, once an hour and before it is answered, and keeps the policy in use. What is in use is fetched again long before it ends
/// (``dueWork(at:)``, worked off by ``PolicyRefresher``). A failed fetch pauses the next ones, and the policy stays.
/// Only a newer valid policy or its `max_age` ends it, by the clock of each question. The end is logged; if every fetch
/// had failed, the operator finds the domain in ``ranOutPolicies`` for a week. A month after its end it is deleted.
/// An operator's policy outranks all this, and a signed list's stands in where nothing is known (``PolicyOverrides``).
/// What other machines of the same sender have fetched comes in by ``take(_:)`` (``PolicyPeers``).
///
/// All else that is known of a domain is one ``PolicyEntry``, so that ``forget(_:)`` forgets it whole.
/// - RFC 8461 §5.1: Policy Application Control Flow.
package final class PolicyCache: Sendable {
    /// First pause after a failed fetch; doubled with each further failure. - RFC 8461 §3.3: five minutes or longer.
    static let firstPause = Duration.seconds(300)
    /// Longest pause after failed fetches.
    static let longestPause = Duration.seconds(6 * 3600)
    /// For domains whose policy ran out because it could not be fetched.
    static let longestPauseAfterEnd = Duration.seconds(900)
    /// How long failed fetches are remembered, so that the next pause is a longer one.
    static let failuresKeptFor = longestPause * 4
    /// A policy with a shorter life answers for this long, so that a burst of mail does not cost a fetch each.
    /// - Deviation: a policy is used for a second at least.
    static let shortestLife = Duration.seconds(1)
    /// After a violation the record is looked at again unless that was done within this time: a repaired policy must
    /// free its mail at the next try, and the resolver's own cache bounds what that costs the domain.
    static let recheckPause = Duration.seconds(2)
    /// A stored policy that cannot be read is fetched anew no more often than this.
    static let repairPause = Duration.seconds(60)
    /// Domains whose lookups may be in flight at one time.
    static let maxLookups = 20_000
    /// A domain without mail for so long is let go when its policy ends.
    package static let unusedAfter = Duration.seconds(30 * 86_400)

    /// What is said of a domain while its stored policy is not in memory.
    static let notLoaded = "the stored policies are not all read yet"

    let memory: any PolicyMemory
    let store: any PolicyStore
    let discoverer: any PolicyDiscoverer
    let overrides: any PolicyOverrides
    let peers: any PolicyPeers
    let clock: any WallClock
    let logger: Logger
    let settings: Locked<PolicyCacheSettings>
    let entries = PolicyEntries(octets: MemoryBudget.policyEntries)
    let lookups = SingleFlight<DomainName, PolicyLook>(capacity: maxLookups) { $0 }
    let writer: PolicyWriter
    /// Policies in use that ended since the start because every fetch failed.
    let lost = Atomic(0)
    /// Since when renewals are left to other machines.
    let leftToPeers = Locked<[DomainName: UTCTime]>([:])
    /// Policies of other machines that were taken since the start.
    let taken = Atomic(0)

    package init(
        memory: any PolicyMemory, store: any PolicyStore, discoverer: any PolicyDiscoverer,
        overrides: any PolicyOverrides = NoPolicyOverrides(), peers: any PolicyPeers = NoPolicyPeers(),
        clock: any WallClock, logger: Logger, settings: PolicyCacheSettings
    ) {
        self.memory = memory
        self.store = store
        self.discoverer = discoverer
        self.overrides = overrides
        self.peers = peers
        self.clock = clock
        self.logger = logger
        self.settings = Locked(settings)
        writer = PolicyWriter(store: store, logger: logger)
    }

    package func apply(_ new: PolicyCacheSettings) { settings.withLock { $0 = new } }

    /// The time by which policies live.
    package var now: UTCTime { clock.now }

    // MARK: From memory, at once

    /// What memory knows; nil when the network has to be asked. Changes nothing.
    package func cached(_ domain: DomainName) -> PolicyLookup? { cached(domain, at: clock.now) }

    func cached(_ domain: DomainName, at now: UTCTime) -> PolicyLookup? {
        if let pinned = overrides.pinned(domain, at: now) { return .policy(pinned) }
        // Asked first: what was loaded by then is seen below.
        let isLoaded = memory.isLoaded(domain)
        if let policy = memory.policy(for: domain), policy.isLive(at: now) { return .policy(policy) }
        if let why = memory.unreadable(domain, at: now) { return .unreadable(why) }
        guard isLoaded else { return nil }
        return entries.lookup(of: domain, at: now).map { orPreloaded($0, for: domain, at: now) }
    }

    /// The policy of the list, for the time while nothing is known yet and nobody can wait any longer. An attacker who
    /// delays the DNS must not get around it.
    ///
    /// Nothing stands in for a stored policy that is not in memory yet.
    package func standIn(for domain: DomainName) -> PolicyLookup? {
        guard memory.isLoaded(domain) else { return .unreadable(Self.notLoaded) }
        // It may have been loaded after memory was asked.
        switch cached(domain) {
        case .policy(let policy): return .policy(policy)
        case .unreadable(let why): return .unreadable(why)
        case .absent, .failed, .unknown, nil: break
        }
        return overrides.preloaded(domain, at: clock.now).map { .policy($0) }
    }

    /// Whether the record was looked at so lately that a violation need not look again.
    package func wasRecheckedLately(_ domain: DomainName) -> Bool {
        let now = clock.now
        return entries.value(of: domain) { $0.rechecked.contains(now) } ?? false
    }

    /// Whether the network is being asked for the domain's policy and memory does not know it yet.
    package func isLookingUp(_ domain: DomainName) -> Bool { cached(domain) == nil && lookups.isRunning(domain) }

    /// Why the last fetch failed; nil if it did not, or if nothing was fetched.
    package func lastFailure(of domain: DomainName) -> PolicyFailure? {
        let now = clock.now
        return entries.value(of: domain) { $0.pause?.value(at: now)?.failure }
    }

    /// What is no policy gives way to the stored one that cannot be read, and then to the list's policy.
    func inDoubt(_ found: PolicyLookup, of domain: DomainName) -> PolicyLookup {
        let now = clock.now
        switch found {
        case .policy, .unreadable: return found
        case .absent, .failed, .unknown:
            if let why = memory.unreadable(domain, at: now) { return .unreadable(why) }
            return orPreloaded(found, for: domain, at: now)
        }
    }

    private func orPreloaded(_ found: PolicyLookup, for domain: DomainName, at now: UTCTime) -> PolicyLookup {
        switch found {
        case .policy, .unreadable: found
        case .absent, .failed, .unknown: overrides.preloaded(domain, at: now).map { .policy($0) } ?? found
        }
    }

    /// Notes that mail for the domain asks and what ``cached(_:)`` found: starts in the background the look at the
    /// record that is due, and the fetch of a policy that cannot be read; logs the end of one that has ended.
    /// - Returns: whether a look at the record has begun now or a moment ago: ``resolve(_:)`` waits for what it says.
    @discardableResult
    package func noteUse(of domain: DomainName, found: PolicyLookup?) -> Bool {
        noteUse(of: domain, found: found, at: clock.now)
    }

    func noteUse(of domain: DomainName, found: PolicyLookup?, at now: UTCTime) -> Bool {
        switch found {
        // Nobody's policy can have ended here since this was looked up.
        case .absent, .failed, .unknown: return false
        case .unreadable:
            repair(domain, at: now)
            return false
        case .policy(let policy) where policy.isLive(at: now):
            return policy.origin == .published && noteUse(ofPublished: domain, at: now)
        case .policy, nil:
            if let life = memory.life(of: domain), !life.isLive(at: now) { noteEnd(of: domain, life) }
            return false
        }
    }

    private func noteUse(ofPublished domain: DomainName, at now: UTCTime) -> Bool {
        let look = entries.noteUse(of: domain, at: now)
        if look == .stands { return false }
        if look == .due {
            let wait = settings.withLock { $0.lookWait }
            entries.change(domain, at: now) { $0.look = TimeSpan(from: now, for: wait) }
        }
        lookups.start(domain) { await self.lookUp(domain) }
        return look != .overdue
    }

    private func repair(_ domain: DomainName, at now: UTCTime) {
        let isDue = entries.change(domain, at: now) { entry in
            if entry.recordChecked.contains(now) { return false }
            entry.recordChecked = TimeSpan(from: now, for: Self.repairPause)
            return true
        }
        if isDue { lookups.start(domain) { await self.lookUp(domain, fetchAlways: true) } }
    }

    // MARK: By asking

    /// The policy as memory knows it, or as the network says it now; joins the lookup that is in flight. Notes the use.
    ///
    /// A look at the record that is due comes first, so that a policy that was replaced does not answer once more. One
    /// that takes long is not waited for: the policy stays until the network says otherwise.
    package func resolve(_ domain: DomainName) async -> PolicyLookup {
        guard await memory.load(domain) else { return cached(domain) ?? .unreadable(Self.notLoaded) }
        let known = cached(domain)
        let isLookedAt = noteUse(of: domain, found: known)
        if let known {
            if case .unreadable = known {
                // Only the fetch that is under way, or was until just now, can say more.
                _ = await lookups.running(domain)
            } else if isLookedAt {
                _ = await lookups.running(domain, within: settings.withLock { $0.lookWait })
            } else {
                return known
            }
            return cached(domain) ?? known
        }
        let found = await lookups.join(domain) { await self.lookUp(domain) }?.found
        return inDoubt(found ?? .unknown("too many lookups in flight"), of: domain)
    }

    /// Looks at the record now: a repaired policy must free its mail.
    /// - RFC 8461 §5.1: step 3, check for a new policy before a delivery fails.
    package func recheck(_ domain: DomainName) async -> PolicyLookup {
        if let pinned = overrides.pinned(domain, at: clock.now) {
            noteRecheck(of: domain)
            return .policy(pinned)
        }
        let found = await lookups.join(domain) { await self.lookUp(domain) }?.found
        noteRecheck(of: domain)
        return inDoubt(found ?? cached(domain) ?? .unknown("too many lookups in flight"), of: domain)
    }

    private func noteRecheck(of domain: DomainName) {
        let now = clock.now
        entries.change(domain, at: now) { $0.rechecked = TimeSpan(from: now, for: Self.recheckPause) }
    }

    /// Fetches the policy now, whatever the id and past failures say: on the operator's word only.
    package func refresh(_ domain: DomainName) async -> PolicyLookup {
        entries.change(domain, at: clock.now) { entry in
            entry.pause = nil
            entry.notRenewed = nil
        }
        // Not joined with a lookup that may have asked before the operator did.
        return inDoubt(await lookUp(domain, fetchAlways: true).found, of: domain)
    }

    /// Forgets all that is known of the domain, in memory and in the store, and tells other machines: on the operator's word
    /// only.
    package func forget(_ domain: DomainName) async throws {
        await peers.announceForgotten(domain, at: clock.now)
        try await remove(domain)
    }

    func remove(_ domain: DomainName) async throws {
        memory.remove(domain)
        entries.remove(domain)
        // A write that is under way must not come after the removal.
        await writer.drop(domain)
        try await store.remove(domain)
    }
}

/// How long what is known of policies is trusted before the network is asked again.
package struct PolicyCacheSettings: Sendable {
    /// Between looks at the TXT record of a domain in use.
    package var recordCheckInterval: Duration = .seconds(3600)
    /// How long an answer waits for a look at the record that is due.
    package var lookWait: Duration = .seconds(2)
    /// Between authenticated fetches, even when the id stays the same.
    package var refreshInterval: Duration = .seconds(12 * 3600)
    /// How long "no policy" is believed.
    package var absentFor: Duration = .seconds(300)
    /// How long a DNS failure stands for an answer.
    package var unknownFor: Duration = .seconds(30)

    package init() {}
}
