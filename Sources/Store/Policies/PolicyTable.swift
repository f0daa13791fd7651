// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import MTASTS
import Synchronization

/// All policies in memory, packed; those in use lately are also kept parsed.
///
/// Split into shards, each with a lock that is held for a look or a change only: parsing is done without it.
package final class PolicyTable: PolicyMemory {
    /// Enough that two threads seldom meet, and that one shard of a million policies is quick to copy.
    static let shardCount = 64
    /// Parsed policies kept in each generation of a shard: 32,768 in all.
    static let parsedPerGeneration = 256
    /// Octets of parsed policies in all: hostile ones are large.
    package static let maxParsedOctets = 24 << 20
    /// Octets of a parsed policy beside its texts, and of each pattern.
    private static let parsedOverhead = 300
    private static let patternOverhead = 64
    /// Rows that cannot be read, at most: more of them are a store that is broken as a whole.
    static let maxUnreadable = 100_000

    private struct Unreadable {
        let expiresAt: UTCTime
        let text: String
    }

    private struct Shard {
        var packed: [DomainName: PackedPolicy] = [:]
        /// Live enforce policies of which only this is known.
        var unreadable: [DomainName: Unreadable] = [:]
        /// Parsed since the last turn of generations, or used since.
        var recent: [DomainName: CachedPolicy] = [:]
        var recentOctets = 0
        /// Those of the turn before, dropped at the next one unless they are used.
        var older: [DomainName: CachedPolicy] = [:]

        mutating func keep(_ policy: CachedPolicy) {
            let octets = parsedOverhead + policy.policy.text.utf8.count + policy.policy.mx.count * patternOverhead
            if recent.count >= parsedPerGeneration || recentOctets + octets > maxParsedOctets / (2 * shardCount) {
                older = recent
                recent = [:]
                recentOctets = 0
            }
            recent[policy.domain] = policy
            recentOctets += octets
        }

        mutating func forgetParsed(_ domain: DomainName) {
            recent[domain] = nil
            older[domain] = nil
        }
    }

    private let shards = (0..<shardCount).map { _ in Locked(Shard()) }
    /// So that the usual question need not look for what is not there.
    private let unreadableCount = Atomic(0)
    /// Policies parsed so far.
    package let unpackings = Atomic(0)
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    private func shard(of domain: DomainName) -> Locked<Shard> {
        shards[Int(truncatingIfNeeded: UInt(bitPattern: domain.hashValue) % UInt(Self.shardCount))]
    }

    package var count: Int { shards.reduce(0) { sum, guarded in sum + guarded.withLock { $0.packed.count } } }

    /// Policies that are kept parsed now.
    package var parsedCount: Int {
        shards.reduce(0) { sum, guarded in sum + guarded.withLock { $0.recent.count + $0.older.count } }
    }

    package func policy(for domain: DomainName) -> CachedPolicy? {
        let guarded = shard(of: domain)
        let (parsed, packed): (CachedPolicy?, PackedPolicy?) = guarded.withLock { shard in
            if let parsed = shard.recent[domain] { return (parsed, nil) }
            // Before the older generation: most domains have no policy.
            guard let packed = shard.packed[domain] else { return (nil, nil) }
            if let parsed = shard.older.removeValue(forKey: domain) {
                shard.keep(parsed)
                return (parsed, nil)
            }
            return (nil, packed)
        }
        if let parsed { return parsed }
        guard let packed, let policy = unpack(packed, domain) else { return nil }
        guarded.withLock { shard in
            // Somebody may have set or removed it while it was parsed.
            if shard.packed[domain] == packed { shard.keep(policy) }
        }
        return policy
    }

    package func life(of domain: DomainName) -> PolicyLife? {
        shard(of: domain).withLock { $0.packed[domain]?.life }
    }

    package func held(_ domain: DomainName) -> DomainName? {
        shard(of: domain).withLock { shard in
            shard.packed.index(forKey: domain).map { shard.packed[$0].key }
        }
    }

    package func unreadable(_ domain: DomainName, at time: UTCTime) -> String? {
        guard unreadableCount.load(ordering: .relaxed) > 0 else { return nil }
        return shard(of: domain).withLock { shard in
            guard let entry = shard.unreadable[domain], time < entry.expiresAt else { return nil }
            return entry.text
        }
    }

    package func set(_ policy: CachedPolicy) { put(PackedPolicy(policy), for: policy.domain, parsed: policy) }

    /// Takes a policy as it is stored, without parsing it: a million of them at start.
    package func set(_ packed: PackedPolicy, for domain: DomainName) { put(packed, for: domain, parsed: nil) }

    private func put(_ packed: PackedPolicy, for domain: DomainName, parsed: CachedPolicy?) {
        shard(of: domain).withLock { shard in
            shard.forgetParsed(domain)
            shard.packed[domain] = packed
            if let parsed { shard.keep(parsed) }
            forgetUnreadable(domain, in: &shard)
        }
    }

    /// Notes that an enforce policy is stored that cannot be read, until one is set or it would have ended.
    package func setUnreadable(_ domain: DomainName, until expiresAt: UTCTime, _ text: String) {
        guard unreadableCount.load(ordering: .relaxed) < Self.maxUnreadable else { return }
        shard(of: domain).withLock { shard in
            shard.forgetParsed(domain)
            shard.packed[domain] = nil
            noteUnreadable(domain, until: expiresAt, text, in: &shard)
        }
    }

    package func remove(_ domain: DomainName) {
        shard(of: domain).withLock { shard in
            shard.forgetParsed(domain)
            shard.packed[domain] = nil
            forgetUnreadable(domain, in: &shard)
        }
    }

    private func noteUnreadable(_ domain: DomainName, until expiresAt: UTCTime, _ text: String, in shard: inout Shard) {
        let entry = Unreadable(expiresAt: expiresAt, text: text)
        if shard.unreadable.updateValue(entry, forKey: domain) == nil { unreadableCount.add(1, ordering: .relaxed) }
    }

    private func forgetUnreadable(_ domain: DomainName, in shard: inout Shard) {
        if shard.unreadable.removeValue(forKey: domain) != nil { unreadableCount.subtract(1, ordering: .relaxed) }
    }

    /// Drops the policies that had ended before `time`; returns how many.
    @discardableResult
    package func removeExpired(at time: UTCTime) -> Int {
        shards.reduce(0) { sum, guarded in
            let expired = guarded.withLock { $0.packed }.filter { $0.value.expiresAt <= time }
            let removed = guarded.withLock { shard in
                for (domain, entry) in shard.unreadable where entry.expiresAt <= time {
                    forgetUnreadable(domain, in: &shard)
                }
                return expired.reduce(0) { sum, entry in
                    // It may have been renewed since the look.
                    guard shard.packed[entry.key] == entry.value else { return sum }
                    shard.forgetParsed(entry.key)
                    shard.packed[entry.key] = nil
                    return sum + 1
                }
            }
            return sum + removed
        }
    }

    /// Visits every policy, a shard's worth at a time; `body` runs without a lock and may change the table.
    package func forEach(_ body: (DomainName, PackedPolicy) throws -> Void) rethrows {
        for guarded in shards {
            for (domain, packed) in guarded.withLock({ $0.packed }) { try body(domain, packed) }
        }
    }

    /// A policy that cannot be parsed is not absent: if it enforces, that much is known of it.
    private func unpack(_ packed: PackedPolicy, _ domain: DomainName) -> CachedPolicy? {
        unpackings.add(1, ordering: .relaxed)
        do throws(PolicyError) {
            return try packed.unpacked(for: domain)
        } catch {
            logger.warning(
                "stored policy cannot be read, it is fetched anew",
                metadata: ["domain": "\(domain)", "cause": "\(error)"])
            shard(of: domain).withLock { shard in
                guard shard.packed[domain] == packed else { return }
                shard.packed[domain] = nil
                guard packed.life.mode == .enforce else { return }
                noteUnreadable(domain, until: packed.expiresAt, StoredPolicyRow.unreadableText, in: &shard)
            }
            return nil
        }
    }
}
