// SPDX-License-Identifier: Apache-2.0
import Logging
import MTASTS
import Names
import Synchronization

/// All live policies in memory, packed; those in use lately are also kept parsed.
///
/// Split into shards, each with a lock that is held for a look or a change only: parsing is done without it.
package final class PolicyTable: PolicyMemory {
    /// Enough that two threads seldom meet, and that one shard of a million policies is quick to copy.
    static let shardCount = 64
    /// Parsed policies kept in each generation of a shard: 32,768 in all, some 25 MB.
    static let parsedPerGeneration = 256

    private struct Shard {
        var packed: [DomainName: PackedPolicy] = [:]
        /// Parsed since the last turn of generations, or used since.
        var recent: [DomainName: CachedPolicy] = [:]
        /// Those of the turn before, dropped at the next one unless they are used.
        var older: [DomainName: CachedPolicy] = [:]

        mutating func keep(_ policy: CachedPolicy) {
            if recent.count >= parsedPerGeneration {
                older = recent
                recent = [:]
            }
            recent[policy.domain] = policy
        }

        mutating func forgetParsed(_ domain: DomainName) {
            recent[domain] = nil
            older[domain] = nil
        }
    }

    /// A lock that can stand in an array.
    private final class Guarded: Sendable {
        let shard = Mutex(Shard())
    }

    private let shards = (0..<shardCount).map { _ in Guarded() }
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    private func shard(of domain: DomainName) -> Guarded {
        shards[Int(truncatingIfNeeded: UInt(bitPattern: domain.hashValue) % UInt(Self.shardCount))]
    }

    package var count: Int { shards.reduce(0) { sum, guarded in sum + guarded.shard.withLock { $0.packed.count } } }

    package func policy(for domain: DomainName) -> CachedPolicy? {
        let guarded = shard(of: domain)
        let (parsed, packed): (CachedPolicy?, PackedPolicy?) = guarded.shard.withLock { shard in
            if let parsed = shard.recent[domain] { return (parsed, nil) }
            if let parsed = shard.older.removeValue(forKey: domain) {
                shard.keep(parsed)
                return (parsed, nil)
            }
            return (nil, shard.packed[domain])
        }
        if let parsed { return parsed }
        guard let packed, let policy = unpack(packed, domain) else { return nil }
        guarded.shard.withLock { shard in
            // Somebody may have set or removed it while it was parsed.
            if shard.packed[domain] == packed { shard.keep(policy) }
        }
        return policy
    }

    package func set(_ policy: CachedPolicy) {
        let packed = PackedPolicy(policy)
        shard(of: policy.domain).shard.withLock { shard in
            shard.forgetParsed(policy.domain)
            shard.packed[policy.domain] = packed
            shard.keep(policy)
        }
    }

    /// Takes a policy as it is stored, without parsing it: a million of them at start.
    package func set(_ packed: PackedPolicy, for domain: DomainName) {
        shard(of: domain).shard.withLock { shard in
            shard.forgetParsed(domain)
            shard.packed[domain] = packed
        }
    }

    package func remove(_ domain: DomainName) {
        shard(of: domain).shard.withLock { shard in
            shard.forgetParsed(domain)
            shard.packed[domain] = nil
        }
    }

    package func remove(_ policy: CachedPolicy) {
        let packed = PackedPolicy(policy)
        shard(of: policy.domain).shard.withLock { shard in
            guard shard.packed[policy.domain] == packed else { return }
            shard.forgetParsed(policy.domain)
            shard.packed[policy.domain] = nil
        }
    }

    /// Drops the policies that are no longer live; returns how many.
    @discardableResult
    package func removeExpired(at time: UTCTime) -> Int {
        shards.reduce(0) { sum, guarded in
            let expired = guarded.shard.withLock { $0.packed }.filter { $0.value.expiresAt <= time }
            let removed = guarded.shard.withLock { shard in
                expired.reduce(0) { sum, entry in
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
            for (domain, packed) in guarded.shard.withLock({ $0.packed }) { try body(domain, packed) }
        }
    }

    private func unpack(_ packed: PackedPolicy, _ domain: DomainName) -> CachedPolicy? {
        do throws(PolicyError) {
            return try packed.unpacked(for: domain)
        } catch {
            logger.warning(
                "stored policy cannot be read, it is fetched anew",
                metadata: ["domain": "\(domain)", "cause": "\(error)"])
            return nil
        }
    }
}
