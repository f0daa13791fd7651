// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import MTASTS
import Synchronization

/// All policies in memory, packed; the lines of those in use lately are also kept parsed.
///
/// Split into shards, each with a lock that is held for a look or a change only: parsing is done without it.
package final class PolicyTable: PolicyMemory {
    /// Enough that two threads seldom meet, and that one shard of a million policies is quick to copy.
    static let shardCount = 64
    /// Lines kept parsed in each generation of a shard: those of 32,768 policies in all.
    static let parsedPerGeneration = 256
    /// Octets of parsed policies in all: hostile ones are large.
    package static let maxParsedOctets = 24 << 20
    /// Rows that cannot be read, at most: more of them are a store that is broken as a whole.
    static let maxUnreadable = 100_000

    private let shared = SharedPolicies()
    let shards = (0..<shardCount).map { _ in Locked(PolicyTableShard()) }
    /// So that the usual question need not look for what is not there.
    private let unreadableCount = Atomic(0)
    /// Whether some rows of the store may not be here yet.
    let isLoading = Atomic(false)
    /// Reads the row of one domain meanwhile.
    let rowReader = Locked<RowReader?>(nil)
    /// Policies parsed so far.
    package let unpackings = Atomic(0)
    let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// Looks at or changes the shard of a domain; `body` also gets the hash of the name.
    func inShard<Value: Sendable>(of domain: DomainName, _ body: (inout PolicyTableShard, UInt64) -> Value) -> Value {
        let hash = PackedPolicies.hash(of: domain)
        return shards[Int(truncatingIfNeeded: hash % UInt64(Self.shardCount))].withLock { body(&$0, hash) }
    }

    package var count: Int { shards.reduce(0) { sum, guarded in sum + guarded.withLock { $0.packed.count } } }

    /// Policies that are kept parsed now.
    package var parsedCount: Int {
        shards.reduce(0) { sum, guarded in sum + guarded.withLock { $0.recent.count + $0.older.count } }
    }

    package func policy(for domain: DomainName) -> CachedPolicy? {
        let (parsed, packed) = inShard(of: domain) { shard, hash in shard.look(domain, hash) }
        if let parsed { return parsed }
        guard let packed, let policy = unpack(packed, domain) else { return nil }
        inShard(of: domain) { shard, hash in
            // Somebody may have set or removed it while it was parsed.
            if shard.packed.policy(of: domain, hash) == packed { shard.keep(policy.policy, of: domain, hash) }
        }
        return policy
    }

    package func life(of domain: DomainName) -> PolicyLife? {
        inShard(of: domain) { shard, hash in shard.packed.life(of: domain, hash) }
    }

    package func unreadable(_ domain: DomainName, at time: UTCTime) -> String? {
        guard unreadableCount.load(ordering: .relaxed) > 0 else { return nil }
        return inShard(of: domain) { shard, _ in
            guard let entry = shard.unreadable[domain], time < entry.expiresAt else { return nil }
            return entry.text
        }
    }

    package func set(_ policy: CachedPolicy) { put(PackedPolicy(policy), for: policy.domain, parsed: policy) }

    package func replace(_ life: PolicyLife?, by policy: CachedPolicy) -> Bool {
        let packed = PackedPolicy(policy)
        return inShard(of: policy.domain) { shard, hash in
            guard shard.packed.life(of: policy.domain, hash) == life else { return false }
            shard.packed.set(packed, for: policy.domain, hash)
            shard.keep(policy.policy, of: policy.domain, hash)
            forgetUnreadable(policy.domain, in: &shard)
            return true
        }
    }

    /// Takes a policy as it is stored, without parsing it: a million of them at start.
    package func set(_ packed: PackedPolicy, for domain: DomainName) { put(packed, for: domain, parsed: nil) }

    private func put(_ packed: PackedPolicy, for domain: DomainName, parsed: CachedPolicy?) {
        inShard(of: domain) { shard, hash in
            shard.packed.set(packed, for: domain, hash)
            if let parsed { shard.keep(parsed.policy, of: domain, hash) }
            forgetUnreadable(domain, in: &shard)
        }
    }

    package func remove(_ domain: DomainName) {
        inShard(of: domain) { shard, hash in
            shard.packed.remove(domain, hash)
            forgetUnreadable(domain, in: &shard)
            settle(domain, in: &shard)
        }
    }

    /// Notes that an enforce policy is stored that cannot be read, until one is set or it would have ended.
    func noteUnreadable(
        _ domain: DomainName, until expiresAt: UTCTime, _ text: String, in shard: inout PolicyTableShard
    ) {
        guard unreadableCount.load(ordering: .relaxed) < Self.maxUnreadable else { return }
        let entry = PolicyTableShard.Unreadable(expiresAt: expiresAt, text: text)
        if shard.unreadable.updateValue(entry, forKey: domain) == nil { unreadableCount.add(1, ordering: .relaxed) }
    }

    private func forgetUnreadable(_ domain: DomainName, in shard: inout PolicyTableShard) {
        if shard.unreadable.removeValue(forKey: domain) != nil { unreadableCount.subtract(1, ordering: .relaxed) }
    }

    /// Drops the policies that had ended before `time`; returns how many.
    @discardableResult
    package func removeExpired(at time: UTCTime) -> Int {
        shards.reduce(0) { sum, guarded in
            let ended = guarded.withLock { $0.packed }.ended(at: time)
            let removed = guarded.withLock { shard in
                for (domain, entry) in shard.unreadable where entry.expiresAt <= time {
                    forgetUnreadable(domain, in: &shard)
                }
                return ended.reduce(0) { sum, domain in
                    let hash = PackedPolicies.hash(of: domain)
                    // It may have been renewed since the look.
                    guard let life = shard.packed.life(of: domain, hash), life.expiresAt <= time else { return sum }
                    shard.packed.remove(domain, hash)
                    return sum + 1
                }
            }
            return sum + removed
        }
    }

    /// Visits every policy, a shard's worth at a time; `body` runs without a lock and may change the table.
    package func forEach(_ body: (DomainName, PackedPolicy) throws -> Void) rethrows {
        for guarded in shards { try guarded.withLock { $0.packed }.forEach(body) }
    }

    /// A policy that cannot be parsed is not absent: if it enforces, that much is known of it.
    private func unpack(_ packed: PackedPolicy, _ domain: DomainName) -> CachedPolicy? {
        unpackings.add(1, ordering: .relaxed)
        do throws(PolicyError) {
            return try packed.unpacked(for: domain, by: shared.policy)
        } catch {
            logger.warning(
                "stored policy cannot be read, it is fetched anew",
                metadata: ["domain": "\(domain)", "cause": "\(error)"])
            inShard(of: domain) { shard, hash in
                guard shard.packed.policy(of: domain, hash) == packed else { return }
                shard.packed.remove(domain, hash)
                settle(domain, in: &shard)
                guard packed.life.mode == .enforce else { return }
                noteUnreadable(domain, until: packed.expiresAt, StoredPolicyRow.unreadableText, in: &shard)
            }
            return nil
        }
    }
}
