// SPDX-License-Identifier: Apache-2.0
import Basics
import Synchronization

/// When mail last asked for each policy: only policies in use are worth a refresh.
///
/// Only domains with a live policy stand here, so that it grows with the policies and not with what strangers ask for.
package final class PolicyUsage: Sendable {
    /// A use is noted anew after this time only, so that a busy domain does not change the table with each message.
    private static let grain = Duration.seconds(600)
    /// Pieces: each is looked through under a lock of its own.
    private static let shardCount = 64
    /// Domains held in a piece; past that new ones are refreshed by their own mail only. A million in all.
    private static let limit = 1_000_000 / shardCount

    private struct Shard {
        var uses: [DomainName: UTCTime] = [:]
        var unsaved: Set<DomainName> = []
    }

    /// A lock that can stand in an array.
    private final class Guarded: Sendable {
        let shard = Mutex(Shard())
    }

    private let shards = (0..<shardCount).map { _ in Guarded() }

    package init() {}

    private func shard(of domain: DomainName) -> Guarded {
        shards[Int(truncatingIfNeeded: UInt(bitPattern: domain.hashValue) % UInt(Self.shardCount))]
    }

    func note(_ domain: DomainName, at now: UTCTime) {
        shard(of: domain).shard.withLock { shard in
            // A time in the future was noted by a clock that has been set back.
            if let last = shard.uses[domain], last <= now, now < last + Self.grain { return }
            guard shard.uses.count < Self.limit || shard.uses[domain] != nil else { return }
            shard.uses[domain] = now
            shard.unsaved.insert(domain)
        }
    }

    package func load(_ uses: [DomainName: UTCTime]) {
        for (domain, time) in uses {
            shard(of: domain).shard.withLock { $0.uses[domain] = max($0.uses[domain] ?? time, time) }
        }
    }

    /// Visits the domains used since `time`, a piece at a time and without a lock; forgets the others.
    func forEach(since time: UTCTime, _ body: (DomainName) -> Void) {
        for guarded in shards {
            let domains = guarded.shard.withLock { shard in
                for (domain, last) in shard.uses where last < time { shard.uses[domain] = nil }
                return Array(shard.uses.keys)
            }
            domains.forEach(body)
        }
    }

    /// Has all uses written again: the store was lost.
    package func saveAllAnew() {
        for guarded in shards { guarded.shard.withLock { $0.unsaved = Set($0.uses.keys) } }
    }

    /// Writes what is new; a use that cannot be written waits for the next time.
    package func save(to store: any UsageStore) async throws {
        var unsaved: [DomainName: UTCTime] = [:]
        for guarded in shards {
            guarded.shard.withLock { shard in
                for domain in shard.unsaved { unsaved[domain] = shard.uses[domain] }
                shard.unsaved = []
            }
        }
        guard !unsaved.isEmpty else { return }
        do { try await store.save(uses: unsaved) } catch {
            for domain in unsaved.keys { shard(of: domain).shard.withLock { _ = $0.unsaved.insert(domain) } }
            throw error
        }
    }
}
