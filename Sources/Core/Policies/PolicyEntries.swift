// SPDX-License-Identifier: Apache-2.0
import Basics

/// The entries of all domains of which more is known than a stored policy.
///
/// What strangers can fill is bounded in octets. A shard that is full first lets go of what is no longer good and of what
/// nobody asked for since room was last made, so that a flood of new names pushes out its own kind before it pushes out
/// what is in use. The uses of live policies are bounded by their number, since only a domain with a policy has one.
///
/// A lock is held for a look or a change only, never while anything is waited for.
final class PolicyEntries: Sendable {
    /// Enough that two threads seldom meet, and that one shard is quick to go through.
    static let shardCount = 64
    /// A use is noted anew after this time only, so that a busy domain does not change the table with each message.
    private static let grain = Duration.seconds(600)

    private let shards: LockedShards<PolicyEntryShard>

    /// - Parameter octets: most octets held beside the uses; an entry that is larger than its shard is not kept.
    init(octets: Int) {
        shards = LockedShards(count: Self.shardCount) { PolicyEntryShard(budget: octets / Self.shardCount) }
    }

    /// What `read` takes from the domain's entry; nil if there is none.
    func value<Value: Sendable>(of domain: DomainName, _ read: (PolicyEntry) -> Value?) -> Value? {
        shards.withLock(shards.index(of: domain)) { $0.value(of: domain, read) }
    }

    /// What the network said of the domain, as long as it is good.
    func lookup(of domain: DomainName, at now: UTCTime) -> PolicyLookup? {
        shards.withLock(shards.index(of: domain)) { $0.lookup(of: domain, at: now) }
    }

    /// Changes the domain's entry, an empty one if there is none.
    @discardableResult
    func change<Value: Sendable>(
        _ domain: DomainName, at now: UTCTime, _ change: (inout PolicyEntry) -> Value
    ) -> Value {
        shards.withLock(shards.index(of: domain)) { $0.change(domain, at: now, change) }
    }

    /// Notes that mail asks for the domain's live policy.
    /// - Returns: how it stands with the look at its record.
    func noteUse(of domain: DomainName, at now: UTCTime) -> RecordLook {
        shards.withLock(shards.index(of: domain)) { shard in
            let known = shard.entries[domain]
            let look = known?.recordLook(at: now) ?? .due
            // A time in the future was noted by a clock that has been set back.
            if let last = known?.lastUse.time, last <= now, now < last + Self.grain { return look }
            guard known?.isInUse == true || shard.inUse < PolicyEntryShard.maxInUse else { return look }
            shard.change(domain, at: now) { entry in
                entry.lastUse = PackedTime(now)
                entry.isUseUnsaved = true
            }
            return look
        }
    }

    /// Notes that the domain's policy can be fetched: all troubles with it are over.
    func noteFetched(_ fresh: CachedPolicy, at now: UTCTime) {
        let isShort = fresh.policy.maxAgeSeconds < PolicyCache.shortestLife.components.seconds
        change(fresh.domain, at: now) { entry in
            entry.pause = nil
            entry.notRenewed = nil
            entry.ranOutAt = nil
            entry.withoutRecord = .never
            entry.lookup = isShort ? Timed(.policy(fresh), at: now, keepFor: PolicyCache.shortestLife) : nil
        }
    }

    /// Whether mail has asked for the domain's live policy since `time`.
    func isUsed(_ domain: DomainName, since time: UTCTime) -> Bool {
        value(of: domain) { $0.isInUse && time <= $0.lastUse.time } ?? false
    }

    func remove(_ domain: DomainName) { shards.withLock(shards.index(of: domain)) { $0.put(nil, for: domain) } }

    /// Visits the domains used since `time`, a shard's worth at a time and without a lock.
    func forEachUsed(since time: UTCTime, _ body: (DomainName) -> Void) {
        for index in 0..<shards.count {
            let domains = shards.withLock(index) { shard in
                shard.entries.compactMap { $1.isInUse && time <= $1.lastUse.time ? $0 : nil }
            }
            domains.forEach(body)
        }
    }

    /// The domains whose policy ran out, and when.
    func ranOut(at now: UTCTime) -> [(domain: DomainName, at: UTCTime)] {
        (0..<shards.count).flatMap { index in
            shards.withLock(index) { shard in
                shard.entries.compactMap { domain, entry in entry.ranOutAt?.value(at: now).map { (domain, $0) } }
            }
        }
    }

    // MARK: Uses across restarts

    /// Takes the uses that the store holds.
    func load(_ uses: [DomainName: UTCTime]) {
        for (domain, time) in uses { shards.withLock(shards.index(of: domain)) { $0.load(time, of: domain) } }
    }

    /// The uses that are still to be written; they count as written from now on.
    func takeUnsavedUses() -> [DomainName: UTCTime] {
        var uses: [DomainName: UTCTime] = [:]
        for index in 0..<shards.count {
            shards.withLock(index) { shard in
                shard.forEach { domain, entry in
                    if entry.isUseUnsaved { uses[domain] = entry.lastUse.time }
                    entry.isUseUnsaved = false
                }
            }
        }
        return uses
    }

    /// Has the uses of these domains written again.
    func putBackUnsavedUses(of domains: some Sequence<DomainName>) {
        for domain in domains {
            shards.withLock(shards.index(of: domain)) { shard in
                guard var entry = shard.entries[domain], entry.isInUse else { return }
                entry.isUseUnsaved = true
                shard.put(entry, for: domain)
            }
        }
    }

    /// Has all uses written again.
    func putBackAllUses() {
        for index in 0..<shards.count {
            shards.withLock(index) { $0.forEach { _, entry in entry.isUseUnsaved = entry.isInUse } }
        }
    }

    // MARK: Letting go

    /// Lets go of what is no longer good, a shard at a time.
    func sweep(at now: UTCTime) { for index in 0..<shards.count { shards.withLock(index) { $0.sweep(at: now) } } }

    var count: Int { (0..<shards.count).reduce(0) { sum, index in sum + shards.withLock(index) { $0.entries.count } } }
    /// What strangers can fill, as it is filled now.
    var octets: Int { (0..<shards.count).reduce(0) { sum, index in sum + shards.withLock(index) { $0.octets } } }
}
