// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Logging
import MTASTS
import Synchronization

/// How long what is known of policies is trusted before the network is asked again.
package struct PolicyCacheSettings: Sendable {
    /// Between looks at the TXT record of a domain in use.
    package var recordCheckInterval: Duration = .seconds(3600)
    /// Between authenticated fetches, even when the id stays the same.
    package var refreshInterval: Duration = .seconds(12 * 3600)
    /// How long "no policy" is believed.
    package var absentFor: Duration = .seconds(300)
    /// How long a DNS failure stands for an answer.
    package var unknownFor: Duration = .seconds(30)

    package init() {}
}

/// Knows the policy of every domain: from memory, or by asking the network once whoever asks.
///
/// An unexpired policy ends only by a newer valid policy or by its `max_age`: no failure forgets or weakens it.
/// - RFC 8461 §5.1: Policy Application Control Flow.
package final class PolicyCache: Sendable {
    /// First pause after a failed fetch; doubled with each further failure. - RFC 8461 §3.3: five minutes or longer.
    static let firstPause = Duration.seconds(300)
    /// Longest pause after failed fetches.
    static let longestPause = Duration.seconds(6 * 3600)
    /// A policy with a shorter life is used for this long, so that each message does not cost a fetch.
    /// - Deviation: a policy is used for a minute at least.
    static let shortestLife = Duration.seconds(60)
    /// After a violation the record is looked at again unless that was done within this time: a repaired policy must
    /// free its mail at the next try, and the resolver's own cache bounds what that costs the domain.
    static let recheckPause = Duration.seconds(2)
    /// Domains whose lookups may be in flight at one time.
    static let maxFlights = 20_000
    /// Domains remembered whose policy ran out while fetches failed.
    static let maxLost = 1000
    /// How long they are remembered.
    static let lostFor = Duration.seconds(7 * 86_400)
    /// How long it is remembered that a policy has ended, so that it is said once.
    static let endSaidFor = CachedPolicy.keptPastEnd
    /// A stored policy that cannot be read is fetched anew no more often than this.
    static let repairPause = Duration.seconds(60)

    struct Pause: Sendable {
        let id: String
        let failures: Int
        let until: UTCTime
        let failure: PolicyFailure
    }

    let memory: any PolicyMemory
    private let store: any PolicyStore
    private let discoverer: any PolicyDiscoverer
    private let standing: any PolicyOverrides
    let clock: any WallClock
    let logger: Logger
    private let settings: Mutex<PolicyCacheSettings>
    /// When mail last asked for a policy.
    package let uses = PolicyUsage()
    /// The policies that ran out although they were in use, for the operator.
    let lost = TTLCache<DomainName, UTCTime>(capacity: maxLost, octets: MemoryBudget.lost) { domain, _ in
        domain.heldOctets
    }
    /// The policies whose end was said, with that end.
    let ended = TTLCache<DomainName, UTCTime>(octets: MemoryBudget.ended) { domain, _ in
        domain.heldOctets
    }
    private let recent = TTLCache<DomainName, PolicyLookup>(octets: MemoryBudget.recent) { domain, finding in
        domain.heldOctets + finding.heldOctets
    }
    private let checked = TTLCache<DomainName, Bool>(octets: MemoryBudget.checked) { domain, _ in
        domain.heldOctets
    }
    private let rechecked = TTLCache<DomainName, Bool>(octets: MemoryBudget.rechecked) { domain, _ in
        domain.heldOctets
    }
    let pauses = TTLCache<DomainName, Pause>(octets: MemoryBudget.pauses) { domain, pause in
        domain.heldOctets + pause.id.heldOctets + pause.failure.text.heldOctets
    }
    /// Domains with a policy whose renewal our own trouble put off last, and that trouble.
    let putOffs = TTLCache<DomainName, String>(octets: MemoryBudget.putOffs) { domain, why in
        domain.heldOctets + why.heldOctets
    }
    private let flights = SingleFlight<DomainName, PolicyLookup>(capacity: maxFlights) { $0 }
    private let unsaved: PolicyWriter

    package init(
        memory: any PolicyMemory, store: any PolicyStore, discoverer: any PolicyDiscoverer,
        standing: any PolicyOverrides = NoPolicyOverrides(), clock: any WallClock, logger: Logger,
        settings: PolicyCacheSettings
    ) {
        self.memory = memory
        self.store = store
        self.discoverer = discoverer
        self.standing = standing
        self.clock = clock
        self.logger = logger
        self.settings = Mutex(settings)
        unsaved = PolicyWriter(store: store, logger: logger)
    }

    package func apply(_ new: PolicyCacheSettings) { settings.withLock { $0 = new } }

    /// The time by which policies live.
    package var now: UTCTime { clock.now }

    /// Lets go of what is remembered no longer.
    package func sweep() {
        let now = clock.now
        for table in [checked, rechecked] { table.sweep(at: now) }
        for table in [lost, ended] { table.sweep(at: now) }
        recent.sweep(at: now)
        pauses.sweep(at: now)
        putOffs.sweep(at: now)
    }

    /// What memory knows; nil when the network has to be asked. Starts a check in the background when one is due.
    package func known(_ domain: DomainName) -> PolicyLookup? {
        let now = clock.now
        if let pinned = standing.pinned(domain, at: now) { return .policy(pinned) }
        if let cached = memory.policy(for: domain) {
            if cached.isLive(at: now) {
                uses.note(domain, at: now)
                if checked.value(for: domain, at: now) == nil { flights.start(domain) { await self.discover(domain) } }
                return .policy(cached)
            }
            noteEnd(of: domain, cached.life)
        }
        if let why = memory.unreadable(domain, at: now) {
            repair(domain, at: now)
            return .unreadable(why)
        }
        return recent.value(for: domain, at: now).map { inDoubt($0, of: domain) }
    }

    /// Fetches a policy anew that cannot be read.
    private func repair(_ domain: DomainName, at now: UTCTime) {
        guard checked.value(for: domain, at: now) == nil else { return }
        checked.set(true, for: domain, at: now, keepFor: Self.repairPause)
        flights.start(domain) { await self.discover(domain, fetchAlways: true) }
    }

    /// The policy of the list, for the time while nothing is known yet and nobody can wait any longer. An attacker who
    /// delays the DNS must not get around it.
    package func standIn(for domain: DomainName) -> PolicyLookup? {
        standing.preloaded(domain, at: clock.now).map { .policy($0) }
    }

    /// A finding that is no policy gives way to the stored one that cannot be read, and then to the list's policy.
    private func inDoubt(_ finding: PolicyLookup, of domain: DomainName) -> PolicyLookup {
        switch finding {
        case .policy, .unreadable: return finding
        case .absent, .failed, .unknown:
            if let why = memory.unreadable(domain, at: clock.now) { return .unreadable(why) }
            return standIn(for: domain) ?? finding
        }
    }

    /// The policy as known, or as the network says it now.
    package func policy(for domain: DomainName) async -> PolicyLookup {
        let known = known(domain)
        if let known {
            guard case .unreadable = known else { return known }
            // Only the fetch that is under way, or was until just now, can say more.
            _ = await flights.running(domain)
            return self.known(domain) ?? known
        }
        let found = await flights.join(domain) { await self.discover(domain) }
        return inDoubt(found ?? .unknown("too many lookups in flight"), of: domain)
    }

    /// Whether the record was looked at so lately that a violation need not look again.
    package func wasRecheckedLately(_ domain: DomainName) -> Bool { rechecked.value(for: domain, at: clock.now) != nil }

    /// Looks at the record now: a repaired policy must free its mail.
    /// - RFC 8461 §5.1: step 3, check for a new policy before a delivery fails.
    package func recheck(_ domain: DomainName) async -> PolicyLookup {
        let now = clock.now
        if let pinned = standing.pinned(domain, at: now) {
            rechecked.set(true, for: domain, at: now, keepFor: Self.recheckPause)
            return .policy(pinned)
        }
        let finding = await flights.join(domain) { await self.discover(domain) }
        rechecked.set(true, for: domain, at: clock.now, keepFor: Self.recheckPause)
        return inDoubt(finding ?? known(domain) ?? .unknown("too many lookups in flight"), of: domain)
    }

    /// Fetches the policy now, whatever the id and past failures say.
    package func refresh(_ domain: DomainName) async -> PolicyLookup {
        pauses.remove(domain)
        putOffs.remove(domain)
        // Not joined with a flight that may have asked before the operator did.
        return inDoubt(await discover(domain, fetchAlways: true), of: domain)
    }

    /// Why the last fetch failed; nil if it did not, or if nothing was fetched.
    package func lastFailure(of domain: DomainName) -> PolicyFailure? {
        pauses.value(for: domain, at: clock.now)?.failure
    }

    /// Fetches a policy in use anew, although its id stays; a pause after failures is kept.
    func renew(_ domain: DomainName) async {
        _ = await flights.join(domain) { await self.discover(domain, fetchAlways: true) }
    }

    var refreshInterval: Duration { settings.withLock { $0.refreshInterval } }

    /// Whether fetches pause because they failed.
    func isPausing(_ domain: DomainName) -> Bool {
        let now = clock.now
        return pauses.value(for: domain, at: now).map { now < $0.until } ?? false
    }

    /// Drops all that is known of the domain, on the operator's word only.
    package func forget(_ domain: DomainName) async throws {
        memory.remove(domain)
        unsaved.drop(domain)
        for table in [checked, rechecked] { table.remove(domain) }
        ended.remove(domain)
        recent.remove(domain)
        pauses.remove(domain)
        putOffs.remove(domain)
        try await store.remove(domain)
    }

    /// Writes what could not be written before; returns how many policies are still unsaved.
    @discardableResult
    package func saveUnsaved() async -> Int { await unsaved.retry() }

    private func liveCached(_ domain: DomainName) -> CachedPolicy? {
        memory.policy(for: domain).flatMap { $0.isLive(at: clock.now) ? $0 : nil }
    }

    private func discover(_ domain: DomainName, fetchAlways: Bool = false) async -> PolicyLookup {
        let settings = settings.withLock { $0 }
        let finding = await discoverer.record(for: domain)
        let now = clock.now
        // The record is only a hint: its absence or failure never ends a policy. - RFC 8461 §3.1
        let fallback: PolicyLookup
        switch finding {
        case .found(.record(let record)):
            checked.set(true, for: domain, at: now, keepFor: settings.recordCheckInterval)
            return await follow(record.id, of: domain, settings, fetchAlways: fetchAlways)
        case .found(.absent), .found(.invalid):
            checked.set(true, for: domain, at: now, keepFor: settings.recordCheckInterval)
            fallback = .absent
        case .unavailable(let text):
            checked.set(true, for: domain, at: now, keepFor: Self.firstPause)
            // Blocking the DNS must not let a policy run out: its host can still be asked.
            if fetchAlways, let cached = liveCached(domain) {
                return await follow(cached.id, of: domain, settings, fetchAlways: true)
            }
            fallback = .unknown(text)
        case .notAsked(let text):
            return liveCached(domain).map { .policy($0) } ?? .unknown(text)
        }
        // There is a policy, whatever the record says, and its host alone can tell it.
        if fetchAlways, memory.unreadable(domain, at: now) != nil {
            return await follow("", of: domain, settings, fetchAlways: true)
        }
        if let cached = liveCached(domain) {
            let metadata: Logger.Metadata = ["domain": "\(domain)", "expires": "\(cached.expiresAt)"]
            if cached.nearsItsEnd(at: now) {
                // Its domain takes it back in this way, or somebody forges the absence of its record.
                logger.warning("policy nears its end and its record is not there", metadata: metadata)
            } else {
                logger.debug("policy kept without its record", metadata: metadata)
            }
            return .policy(cached)
        }
        let keepFor = if case .unknown = fallback { settings.unknownFor } else { settings.absentFor }
        recent.set(fallback, for: domain, at: now, keepFor: keepFor)
        return fallback
    }

    private func follow(
        _ id: String, of domain: DomainName, _ settings: PolicyCacheSettings, fetchAlways: Bool
    ) async -> PolicyLookup {
        let now = clock.now
        let cached = liveCached(domain)
        // Fetched in the future, by a clock that has been set back since, it would be believed for too long.
        if let cached, !fetchAlways, cached.id == id, cached.fetchedAt <= now,
            now < cached.fetchedAt + settings.refreshInterval
        {
            return .policy(cached)
        }
        if let pause = pauses.value(for: domain, at: now), pause.id == id, now < pause.until {
            if cached == nil { recent.set(.failed(pause.failure), for: domain, at: now, keepFor: settings.unknownFor) }
            return cached.map { .policy($0) } ?? .failed(pause.failure)
        }
        do throws(FetchError) {
            let reading = try await discoverer.fetch(for: domain, isRenewal: cached != nil)
            return accept(reading, id: id, of: domain, replacing: cached)
        } catch {
            switch error {
            case .failed(let failure): return refuse(failure, id: id, of: domain, keeping: liveCached(domain), settings)
            case .notTried(let text): return putOff(text, of: domain, keeping: liveCached(domain), settings)
            }
        }
    }

    /// Our own trouble is no failure of the domain: no pause, and where no policy is cached nothing is kept, so that the
    /// next question asks again.
    private func putOff(
        _ why: String, of domain: DomainName, keeping cached: CachedPolicy?, _ settings: PolicyCacheSettings
    ) -> PolicyLookup {
        let now = clock.now
        logger.notice("policy fetch put off", metadata: ["domain": "\(domain)", "cause": "\(why)"])
        guard let cached else { return .unknown(why) }
        putOffs.set(why, for: domain, at: now, keepFor: Self.lostFor)
        if cached.nearsItsEnd(at: now) {
            logger.error(
                "policy nears its end and cannot be fetched",
                metadata: ["domain": "\(domain)", "expires": "\(cached.expiresAt)", "cause": "\(why)"])
        }
        checked.set(true, for: domain, at: now, keepFor: settings.unknownFor)
        return .policy(cached)
    }

    private func accept(
        _ reading: Policy.Reading, id: String, of domain: DomainName, replacing old: CachedPolicy?
    ) -> PolicyLookup {
        let now = clock.now
        let fresh = CachedPolicy(domain: domain, id: id, policy: reading.policy, fetchedAt: now)
        pauses.remove(domain)
        putOffs.remove(domain)
        for warning in reading.warnings {
            logger.notice("policy has a defect", metadata: ["domain": "\(domain)", "line": "\(warning)"])
        }
        if old?.policy != fresh.policy || old?.id != id {
            logger.info(
                "policy fetched",
                metadata: [
                    "domain": "\(domain)", "id": "\(id)", "mode": "\(fresh.policy.mode)",
                    "expires": "\(fresh.expiresAt)",
                ])
        }
        memory.set(fresh)
        recent.remove(domain)
        lost.remove(domain)
        if fresh.policy.maxAgeSeconds < Self.shortestLife.components.seconds {
            recent.set(.policy(fresh), for: domain, at: now, keepFor: Self.shortestLife)
        }
        unsaved.save(fresh)
        return .policy(fresh)
    }

    private func refuse(
        _ failure: PolicyFailure, id: String, of domain: DomainName, keeping cached: CachedPolicy?,
        _ settings: PolicyCacheSettings
    ) -> PolicyLookup {
        let now = clock.now
        let failures = (pauses.value(for: domain, at: now)?.failures ?? 0) + 1
        let pause = min(Self.longestPause, Self.firstPause * (1 << min(failures - 1, 10)))
        pauses.set(
            Pause(id: id, failures: failures, until: now + pause, failure: failure), for: domain, at: now,
            keepFor: Self.longestPause * 4)
        var metadata: Logger.Metadata = [
            "domain": "\(domain)", "result_type": "\(failure.type.rawValue)", "cause": "\(failure.text)",
            "retry_in": "\(pause.components.seconds)s",
        ]
        // Look again when the pause ends, not after the usual interval: the policy must not run out unseen.
        checked.set(true, for: domain, at: now, keepFor: min(pause, settings.recordCheckInterval))
        guard let cached else {
            logger.notice("policy fetch failed, none applies", metadata: metadata)
            recent.set(.failed(failure), for: domain, at: now, keepFor: min(pause, settings.absentFor))
            return .failed(failure)
        }
        // Deviation: failed refetches under a cached policy are not reported.
        metadata["expires"] = "\(cached.expiresAt)"
        if cached.nearsItsEnd(at: now) {
            logger.error("policy nears its end and cannot be fetched", metadata: metadata)
        } else {
            logger.warning("policy fetch failed, the cached policy stays", metadata: metadata)
        }
        return .policy(cached)
    }
}

extension CachedPolicy {
    /// Whether the last quarter of its life has begun, in which an operator is warned if it cannot be renewed.
    fileprivate func nearsItsEnd(at now: UTCTime) -> Bool { expiresAt - now < .seconds(policy.maxAgeSeconds / 4) }
}
