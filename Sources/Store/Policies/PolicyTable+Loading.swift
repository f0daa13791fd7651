// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Synchronization

// While the rows of the store are read, mail is judged already. What the table has is true then as ever, but what it lacks
// says nothing, unless the row of the domain was read or is known not to be there. What is set or removed meanwhile is
// newer than any row.
extension PolicyTable {
    /// Reads the row of one domain, if there is one, and has the table take it.
    typealias RowReader = @Sendable (DomainName) async throws -> Void

    /// Domains found to have no row that are remembered in each shard while rows are loaded: more are looked up again.
    private static let maxRowless = 4096

    /// Begins a load of rows for which nobody waits, until ``endLoading()``.
    /// - Parameter reader: must read from the state of the store that is loaded.
    func beginLoading(_ reader: @escaping RowReader) {
        rowReader.withLock { $0 = reader }
        isLoading.store(true, ordering: .releasing)
    }

    /// Says that every row is here.
    func endLoading() {
        isLoading.store(false, ordering: .releasing)
        rowReader.withLock { $0 = nil }
        for shard in shards { shard.withLock { $0.settled = [] } }
    }

    /// Whether every row is here.
    package var isComplete: Bool { !isLoading.load(ordering: .acquiring) }

    package func isLoaded(_ domain: DomainName) -> Bool {
        if isComplete { return true }
        return inShard(of: domain) { shard, hash in shard.isLoaded(domain, hash) }
    }

    package func load(_ domain: DomainName) async -> Bool {
        if isLoaded(domain) { return true }
        // Nil where the load has come to its end since.
        guard let reader = rowReader.withLock({ $0 }) else { return true }
        do { try await reader(domain) } catch {
            logger.warning(
                "stored policy cannot be looked up, mail to the domain waits",
                metadata: ["domain": "\(domain)", "cause": "\(error)"])
            return false
        }
        inShard(of: domain) { shard, hash in
            guard !shard.isLoaded(domain, hash), shard.settled.count < Self.maxRowless else { return }
            settle(domain, in: &shard)
        }
        return true
    }

    /// Takes what a row holds, unless something newer is here.
    /// - Parameter time: now, to which the end of a policy that cannot be read is held: its column may have changed.
    func take(_ row: StoredPolicyRow, at time: UTCTime) {
        switch row {
        case .policy(let domain, let packed):
            inShard(of: domain) { shard, hash in
                if !shard.isLoaded(domain, hash) { shard.packed.set(packed, for: domain, hash) }
            }
        case .unreadable(let domain, let expiresAt):
            let end = min(expiresAt, time + .seconds(Policy.maxAgeLimitSeconds))
            inShard(of: domain) { shard, hash in
                guard !shard.isLoaded(domain, hash) else { return }
                noteUnreadable(domain, until: end, StoredPolicyRow.unreadableText, in: &shard)
            }
        case .nothing: break
        }
    }

    /// Notes that no row says more of a domain that has no policy here.
    func settle(_ domain: DomainName, in shard: inout PolicyTableShard) {
        if isLoading.load(ordering: .relaxed) { shard.settled.insert(domain) }
    }
}
