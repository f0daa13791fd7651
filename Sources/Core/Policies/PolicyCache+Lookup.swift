// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import MTASTS
import TLSRPT

extension PolicyCache {
    /// Asks the network: the TXT record, and the policy host where the record, or `fetchAlways`, asks for it.
    func lookUp(_ domain: DomainName, fetchAlways: Bool = false) async -> PolicyLook {
        // What is found below must not be taken for all that is known.
        guard await memory.load(domain) else { return PolicyLook(.unreadable(Self.notLoaded), .notTried) }
        let look = await ask(about: domain, fetchAlways: fetchAlways)
        // Whoever waited for a look at the record has its outcome.
        if entries.value(of: domain, { $0.look }) ?? .never != .never {
            entries.change(domain, at: clock.now) { $0.look = .never }
        }
        return look
    }

    private func ask(about domain: DomainName, fetchAlways: Bool) async -> PolicyLook {
        let settings = settings.withLock { $0 }
        let record = await discoverer.record(for: domain)
        let now = clock.now
        let live = livePolicy(of: domain)
        // The record is only a hint: its absence or failure never ends a policy. - RFC 8461 §3.1
        let fallback: PolicyLookup
        switch record {
        case .found(.record(let record)):
            noteRecordCheck(of: domain, at: now, for: settings.recordCheckInterval)
            return await follow(record.id, of: domain, settings, fetchAlways: fetchAlways)
        case .found(.absent), .found(.invalid):
            noteRecordCheck(of: domain, at: now, for: settings.recordCheckInterval)
            // Forging its absence must not let a policy run out either, while its host still has it. - RFC 8461 §10.2
            if fetchAlways, let live { return await renewWithoutRecord(live, settings) }
            fallback = .absent
        case .unavailable(let text):
            noteRecordCheck(of: domain, at: now, for: Self.firstPause)
            // Blocking the DNS must not let a policy run out: its host can still be asked.
            if fetchAlways, let live { return await follow(live.id, of: domain, settings, fetchAlways: true) }
            fallback = .unknown(text)
        case .notAsked(let text):
            // Nor must one question that fails as if all did.
            if fetchAlways, let live { return await follow(live.id, of: domain, settings, fetchAlways: true) }
            return PolicyLook(live.map { .policy($0) } ?? .unknown(text), fetchAlways ? .notTried : .notDue)
        }
        // There is a policy, whatever the record says, and its host alone can tell it.
        if fetchAlways, memory.unreadable(domain, at: now) != nil {
            return await follow("", of: domain, settings, fetchAlways: true)
        }
        // Mail only looked at the record: when the policy is fetched anew is not for mail to put off.
        if let live { return PolicyLook(.policy(live), .notDue) }
        let keepFor = if case .unknown = fallback { settings.unknownFor } else { settings.absentFor }
        entries.change(domain, at: now) { $0.lookup = Timed(fallback, at: now, keepFor: keepFor) }
        return PolicyLook(fallback, fetchAlways ? .notAnnounced : .notDue)
    }

    /// Asks the host of a policy for it. That it does not give it is no failure to be reported: a domain may take both
    /// away.
    private func renewWithoutRecord(_ policy: CachedPolicy, _ settings: PolicyCacheSettings) async -> PolicyLook {
        do throws(FetchError) {
            let reading = try await discoverer.fetch(for: policy.domain, isRenewal: true)
            return PolicyLook(accept(reading, id: policy.id, of: policy.domain, replacing: policy), .done)
        } catch {
            peers.release(policy.domain)
            switch error {
            case .failed(let failure):
                keepWithoutRecord(policy, because: failure, for: settings.recordCheckInterval)
                return PolicyLook(livePolicy(of: policy.domain).map { .policy($0) } ?? .absent, .failed)
            case .notTried(let text):
                return putOff(text, of: policy.domain, keeping: livePolicy(of: policy.domain), settings)
            }
        }
    }

    private func livePolicy(of domain: DomainName) -> CachedPolicy? {
        memory.policy(for: domain).flatMap { $0.isLive(at: clock.now) ? $0 : nil }
    }

    private func noteRecordCheck(of domain: DomainName, at now: UTCTime, for duration: Duration) {
        entries.change(domain, at: now) { $0.recordChecked = TimeSpan(from: now, for: duration) }
    }

    /// Only a fetch that failed comes here: the next one waits for as long as a look at the record stands.
    private func keepWithoutRecord(_ policy: CachedPolicy, because failure: PolicyFailure, for duration: Duration) {
        let now = clock.now
        entries.change(policy.domain, at: now) { entry in
            entry.withoutRecord = TimeSpan(from: now, for: duration)
            entry.notRenewed = Timed(
                "its record is not there, and its host did not give it: \(failure.text)", at: now,
                keepFor: Self.ranOutKeptFor)
        }
        let metadata: Logger.Metadata = [
            "domain": "\(policy.domain)", "expires": "\(policy.expiresAt)", "cause": "\(failure.text)",
        ]
        if policy.life.nearsItsEnd(at: now) {
            // Its domain takes it back in this way, or somebody forges the absence of its record.
            logger.warning("policy nears its end and its record is not there", metadata: metadata)
        } else {
            logger.debug("policy kept without its record", metadata: metadata)
        }
    }

    /// Fetches the policy that the record announces, unless it is the one that is known or fetches pause.
    private func follow(
        _ id: String, of domain: DomainName, _ settings: PolicyCacheSettings, fetchAlways: Bool
    ) async -> PolicyLook {
        let now = clock.now
        let cached = livePolicy(of: domain)
        // Fetched in the future, by a clock that has been set back since, it would be believed for too long.
        if let cached, !fetchAlways, cached.id == id, cached.fetchedAt <= now,
            now < cached.fetchedAt + settings.refreshInterval
        {
            return PolicyLook(.policy(cached), .notDue)
        }
        if let pause = entries.value(of: domain, { $0.pause?.value(at: now) }), pause.id == id, now < pause.until {
            if let cached { return PolicyLook(.policy(cached), .pausing) }
            entries.change(domain, at: now) {
                $0.lookup = Timed(.failed(pause.failure), at: now, keepFor: settings.unknownFor)
            }
            return PolicyLook(.failed(pause.failure), .pausing)
        }
        // What is to be fetched in any case was claimed before, or its fetch is what another machine's word is held against.
        if !fetchAlways, let taken = await fetchedByPeer(domain, id: id, settings) {
            return PolicyLook(.policy(taken), .done)
        }
        do throws(FetchError) {
            let reading = try await discoverer.fetch(for: domain, isRenewal: cached != nil)
            return PolicyLook(accept(reading, id: id, of: domain, replacing: cached), .done)
        } catch {
            peers.release(domain)
            switch error {
            case .failed(let failure):
                let found = refuse(failure, id: id, of: domain, keeping: livePolicy(of: domain), settings)
                return PolicyLook(found, .failed)
            case .notTried(let text): return putOff(text, of: domain, keeping: livePolicy(of: domain), settings)
            }
        }
    }

    /// A failure of our own is no failure of the domain: no pause, and where no policy is cached nothing is kept, so that
    /// the next question asks again.
    private func putOff(
        _ why: String, of domain: DomainName, keeping cached: CachedPolicy?, _ settings: PolicyCacheSettings
    ) -> PolicyLook {
        let now = clock.now
        logger.notice("policy fetch put off", metadata: ["domain": "\(domain)", "cause": "\(why)"])
        guard let cached else { return PolicyLook(.unknown(why), .notTried) }
        entries.change(domain, at: now) { entry in
            entry.notRenewed = Timed(why, at: now, keepFor: Self.ranOutKeptFor)
            entry.recordChecked = TimeSpan(from: now, for: settings.unknownFor)
        }
        if cached.life.nearsItsEnd(at: now) {
            logger.error(
                "policy nears its end and cannot be fetched",
                metadata: ["domain": "\(domain)", "expires": "\(cached.expiresAt)", "cause": "\(why)"])
        }
        return PolicyLook(.policy(cached), .notTried)
    }

    private func accept(
        _ reading: Policy.Reading, id: String, of domain: DomainName, replacing old: CachedPolicy?
    ) -> PolicyLookup {
        let now = clock.now
        let fresh = CachedPolicy(domain: domain, id: id, policy: reading.policy, fetchedAt: now)
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
        entries.noteFetched(fresh, at: now)
        writer.save(fresh)
        peers.offer(fresh)
        return .policy(fresh)
    }

    /// How long no fetch is tried after so many that failed.
    /// - Parameter life: that of the policy which could not be fetched anew, ended or not; nil where none was known.
    private static func pause(after failures: Int, of life: PolicyLife?, at now: UTCTime) -> Duration {
        let usual = min(longestPause, firstPause * (1 << min(failures - 1, 10)))
        guard let life else { return usual }
        // Whoever keeps the policy host away must not win the time after the policy's end by it: the nearer the end, the
        // shorter the pause, and none outlasts it. - RFC 8461 §10.2
        guard life.isLive(at: now) else { return min(usual, longestPauseAfterEnd) }
        let left = life.expiresAt - now
        return min(usual, max(firstPause, left / 8), left)
    }

    private func refuse(
        _ failure: PolicyFailure, id: String, of domain: DomainName, keeping cached: CachedPolicy?,
        _ settings: PolicyCacheSettings
    ) -> PolicyLookup {
        let now = clock.now
        let life = cached?.life ?? memory.life(of: domain)
        let pause = entries.change(domain, at: now) { entry in
            let failures = (entry.pause?.value(at: now)?.failures ?? 0) + 1
            let pause = Self.pause(after: failures, of: life, at: now)
            entry.pause = Timed(
                PolicyEntry.Pause(id: id, failures: failures, until: now + pause, failure: failure), at: now,
                keepFor: Self.failuresKeptFor)
            // Look again when the pause ends, not after the usual interval: the policy must not run out unseen.
            entry.recordChecked = TimeSpan(from: now, for: min(pause, settings.recordCheckInterval))
            if cached == nil {
                entry.lookup = Timed(.failed(failure), at: now, keepFor: min(pause, settings.absentFor))
            }
            return pause
        }
        var metadata: Logger.Metadata = [
            "domain": "\(domain)", "result_type": "\(failure.type.rawValue)", "cause": "\(failure.text)",
            "retry_in": "\(pause.components.seconds)s",
        ]
        guard let cached else {
            logger.notice("policy fetch failed, none applies", metadata: metadata)
            return .failed(failure)
        }
        // Deviation: failed refetches under a cached policy are not reported.
        metadata["expires"] = "\(cached.expiresAt)"
        if cached.life.nearsItsEnd(at: now) {
            logger.error("policy nears its end and cannot be fetched", metadata: metadata)
        } else {
            logger.warning("policy fetch failed, the cached policy stays", metadata: metadata)
        }
        return .policy(cached)
    }
}
