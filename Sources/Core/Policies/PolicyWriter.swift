// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Logging
import MTASTS

/// Policies on their way to the store; one that cannot be written waits here and is tried again.
final class PolicyWriter: Sendable {
    /// Policies written at one time: more than there are domains, since nothing here is asked for by strangers.
    private static let maxWrites = 10_000_000

    private let store: any PolicyStore
    private let logger: Logger
    private let waiting = Locked<[DomainName: CachedPolicy]>([:])
    /// One write a domain, so that an older policy never comes last.
    private let writes = SingleFlight<DomainName, Bool>(capacity: maxWrites) { _ in nil }

    init(store: any PolicyStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Takes the policy and writes it in the background.
    func save(_ policy: CachedPolicy) {
        let domain = policy.domain
        waiting.withLock { $0[domain] = policy }
        let running = writes.start(domain) { await self.writeOnce(domain) }
        Task {
            // It may have been the write of an older policy, after which this one still waits.
            if await running?.value == true { await write(domain) }
        }
    }

    /// Gives up the domain's policy; when this returns none of it is being written.
    func drop(_ domain: DomainName) async {
        _ = waiting.withLock { $0.removeValue(forKey: domain) }
        _ = await writes.running(domain)
    }

    /// Removes the domain's policy from the store in the background, after a write that is under way, unless another one comes.
    func remove(_ domain: DomainName) {
        Task {
            await drop(domain)
            guard waiting.withLock({ $0[domain] == nil }) else { return }
            do { try await store.remove(domain) } catch {
                // The next start has it again.
                logger.warning(
                    "policy that no longer counts cannot be removed from the store",
                    metadata: ["domain": "\(domain)", "cause": "\(error)"])
            }
        }
    }

    var waitingCount: Int { waiting.withLock { $0.count } }

    /// Writes all that waits; returns how many still do.
    func retry() async -> Int {
        for domain in waiting.withLock({ Array($0.keys) }) {
            guard await write(domain) else { break }
        }
        return waiting.withLock { $0.count }
    }

    /// Writes what waits for the domain, and what comes meanwhile; false if it cannot be written.
    @discardableResult
    private func write(_ domain: DomainName) async -> Bool {
        while waiting.withLock({ $0[domain] != nil }) {
            guard await writes.join(domain, { await self.writeOnce(domain) }) == true else { return false }
        }
        return true
    }

    private func writeOnce(_ domain: DomainName) async -> Bool {
        guard let policy = waiting.withLock({ $0[domain] }) else { return true }
        do {
            try await store.save(policy)
            waiting.withLock { if $0[domain] == policy { $0[domain] = nil } }
            return true
        } catch {
            logger.warning(
                "policy could not be written, it is kept in memory and tried again",
                metadata: ["domain": "\(domain)", "cause": "\(error)"])
            return false
        }
    }
}
