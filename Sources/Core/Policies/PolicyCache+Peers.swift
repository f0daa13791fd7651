// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import MTASTS

/// What other machines have fetched, and what they were told.
extension PolicyCache {
    /// How long a policy that is due waits for another machine that says it renews it.
    static let longestPutOff = Duration.seconds(900)

    /// Whether a policy fetched then may be news. Cheap: most of what comes is known.
    package func isNews(_ domain: DomainName, fetchedAt time: UTCTime) -> Bool {
        memory.life(of: domain).map { $0.fetchedAt < time } ?? true
    }

    /// Policies of other machines that were taken since the start.
    package var takenCount: Int { taken.load(ordering: .relaxed) }

    /// Whether a policy is held that was fetched by then. Times are whole seconds: one of the same is meant as well.
    package func holds(_ domain: DomainName, fetchedBy time: UTCTime) -> Bool {
        memory.life(of: domain).map { $0.fetchedAt <= time } ?? false
    }

    /// Whether anything is known of the domain's policy.
    package func holds(_ domain: DomainName) -> Bool { memory.life(of: domain) != nil }

    /// Judges a policy of another machine and takes it if it may be taken. It is then in memory and goes into the store as a
    /// fetched one does; nothing is fetched.
    package func take(_ offered: CachedPolicy) async -> PeerPolicyFate {
        // Where the store cannot be read yet, what it holds must not be overlooked.
        guard await memory.load(offered.domain) else { return .leftAlone }
        return takeLoaded(offered)
    }

    private func takeLoaded(_ offered: CachedPolicy) -> PeerPolicyFate {
        let (domain, now) = (offered.domain, clock.now)
        let old = memory.policy(for: domain)
        let held: HeldPolicy =
            memory.unreadable(domain, at: now) != nil ? .unreadable : old.map { .policy($0) } ?? .nothing
        let fate = PeerPolicy.fate(of: offered, holding: held, at: now)
        guard fate == .taken else { return fate }
        // A time ahead of ours would count as one of a clock that has been set back.
        let fresh = CachedPolicy(
            domain: domain, id: offered.id, policy: offered.policy, fetchedAt: min(offered.fetchedAt, now))
        // A fetch of our own may have come in between, or the operator.
        guard memory.replace(old?.life, by: fresh) else { return .leftAlone }
        entries.noteFetched(fresh, at: now)
        save(taken: fresh)
        taken.add(1, ordering: .relaxed)
        // As many as there are, when a machine is new.
        logger.debug(
            "policy taken from another machine",
            metadata: [
                "domain": "\(domain)", "id": "\(fresh.id)", "mode": "\(fresh.policy.mode)",
                "expires": "\(fresh.expiresAt)",
            ])
        return .taken
    }

    private func save(taken fresh: CachedPolicy) {
        writer.save(fresh)
        // What came in between is written last.
        guard let current = memory.policy(for: fresh.domain) else {
            return writer.remove(fresh.domain)
        }
        if current != fresh { writer.save(current) }
    }

    /// Fetches a policy ourselves, since another machine holds another one; only where mail asks for it, since else the next
    /// mail has its record looked at.
    /// - Returns: whether it was tried.
    package func fetchInstead(_ domain: DomainName) async -> Bool {
        let oldest = clock.now - Self.unusedAfter
        guard memory.unreadable(domain, at: clock.now) != nil || entries.isUsed(domain, since: oldest) else {
            return false
        }
        logger.info(
            "policy of another machine is another one, it is fetched here first", metadata: ["domain": "\(domain)"])
        await renew(domain)
        return true
    }

    /// Forgets what was fetched before an operator had the domain's policy forgotten on another machine. Whoever has got hold
    /// of what the machines share could say so too: a policy that its domain still serves takes the place of the old one, and
    /// only what cannot be fetched is forgotten.
    /// - Returns: whether it was forgotten.
    package func forgetAsTold(_ domain: DomainName, before time: UTCTime) async -> Bool {
        guard time <= clock.now + PeerPolicy.clockTolerance, await memory.load(domain),
            let old = memory.life(of: domain),
            old.fetchedAt <= time
        else { return false }
        switch await renew(domain) {
        case .failed, .pausing: break
        // What was not tried, for want of a place or of our own DNS, has shown nothing.
        case .done, .notTried, .notAnnounced, .notDue: return false
        }
        guard memory.life(of: domain) == old else { return false }
        logger.notice(
            "policy forgotten, as an operator said on another machine",
            metadata: ["domain": "\(domain)", "mode": "\(old.mode)", "expires": "\(old.expiresAt)"])
        do { try await remove(domain) } catch {
            logger.warning(
                "policy forgotten in memory, but not in the store",
                metadata: ["domain": "\(domain)", "cause": "\(error)"])
        }
        return true
    }

    // MARK: Who fetches

    /// What another machine has fetched for the record of now, if it may be taken. It may have come by itself as well, while
    /// this one asked.
    func fetchedByPeer(_ domain: DomainName, id: String, _ settings: PolicyCacheSettings) async -> CachedPolicy? {
        let oldest = clock.now - settings.refreshInterval
        if let offered = await peers.fetched(domain, id: id, since: oldest), offered.domain == domain, offered.id == id
        {
            _ = takeLoaded(offered)
        }
        let now = clock.now
        guard let current = memory.policy(for: domain), current.isLive(at: now), current.id == id,
            oldest < current.fetchedAt, current.fetchedAt <= now
        else { return nil }
        return current
    }

    /// Of the policies that are due those that this machine fetches: what another has fetched lately is taken, and what it
    /// says that it fetches is left to it for a while, but never so long that the policy could run out.
    func ownRenewals(of domains: [DomainName]) async -> [DomainName] {
        guard !domains.isEmpty, let claims = await peers.claimRenewals(of: domains) else { return domains }
        var fates: [DomainName: PeerPolicyFate] = [:]
        for offered in claims.fetched { fates[offered.domain] = await take(offered) }
        let now = clock.now
        let interval = settings.withLock { $0.refreshInterval }
        return leftToPeers.withLock { left in
            left = left.filter { $1 <= now && now < $1 + Self.longestPutOff * 4 }
            return domains.filter { domain in
                switch fates[domain] {
                case .taken:
                    left[domain] = nil
                    return false
                case .fetchedFirst: return true
                case .leftAlone, .refused, nil: break
                }
                let life = memory.life(of: domain)
                // It may have come by itself while this machine asked.
                if let life, life.fetchedAt <= now, now < life.refreshTime(of: domain, every: interval) {
                    left[domain] = nil
                    return false
                }
                guard !claims.ours.contains(domain), let life, life.fetchedAt <= now, !life.nearsItsEnd(at: now),
                    now < left[domain, default: now] + Self.longestPutOff
                else {
                    left[domain] = nil
                    return true
                }
                left[domain] = left[domain] ?? now
                return false
            }
        }
    }
}
