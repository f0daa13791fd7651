// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import PostgreSQL

/// Lookups that are about to fetch and ask first whether another machine has the policy, or fetches it now.
///
/// Those of one moment are asked in one piece: they claim their fetches, and then read what is there. In this order, so that
/// nobody gets a claim without seeing what was fetched under the one before. A lookup that did not get its claim waits for the
/// row of the machine that has it. None of it is long, and after a failure none is asked until the database has answered
/// again.
final class PeerLookups: Sendable {
    /// Lookups of one piece.
    private static let pieceCount = 256
    /// How long a fetch is left to this machine: others wait less long, but more may begin to.
    private static let claimTime = Duration.seconds(10)

    private struct Lookup {
        let number: Int
        let id: String
        let since: UTCTime
        /// Whether another machine is said to fetch.
        var isClaimedElsewhere = false
        let continuation: CheckedContinuation<CachedPolicy?, Never>
    }

    private struct State {
        var isActive = false
        var isClosed = false
        var lookups: [DomainName: Lookup] = [:]
        /// Not asked yet.
        var queue: [DomainName] = []
        var isAsking = false
        var count = 0
    }

    private let connection: PolicyConnection
    private let node: String
    private let limits: PolicyExchange.Limits
    private let logger: Logger
    private let state = Locked(State())

    init(_ connection: PolicyConnection, node: String, limits: PolicyExchange.Limits, logger: Logger) {
        self.connection = connection
        self.node = node
        self.limits = limits
        self.logger = logger
    }

    // MARK: Whether the database is asked

    var isActive: Bool { state.withLock { $0.isActive } }
    /// The database has answered, in good time.
    func resume() { state.withLock { $0.isActive = !$0.isClosed } }
    /// It did not. Who asks now goes on without; who waits for another machine may still hear of it.
    func suspend() { endLookups { !$0.isClaimedElsewhere } }

    /// For good.
    func close() {
        state.withLock { $0.isClosed = true }
        endLookups { _ in true }
    }

    private func endLookups(where isEnded: @Sendable (Lookup) -> Bool) {
        let ended = state.withLock { state in
            state.isActive = false
            state.queue = []
            let ended = state.lookups.filter { isEnded($1) }
            for domain in ended.keys { state.lookups[domain] = nil }
            return ended.values.map(\.continuation)
        }
        for continuation in ended { continuation.resume(returning: nil) }
    }

    // MARK: Asking

    /// - Returns: what another machine has fetched for this id since `time`; nil if the caller is to fetch.
    func ask(for domain: DomainName, id: String, since time: UTCTime) async -> CachedPolicy? {
        await withCheckedContinuation { continuation in
            let (number, other, asks) = state.withLock {
                state -> (Int?, CheckedContinuation<CachedPolicy?, Never>?, Bool) in
                guard state.isActive else { return (nil, nil, false) }
                state.count += 1
                let other = state.lookups.updateValue(
                    Lookup(number: state.count, id: id, since: time, continuation: continuation), forKey: domain)
                state.queue.append(domain)
                defer { state.isAsking = true }
                return (state.count, other?.continuation, !state.isAsking)
            }
            other?.resume(returning: nil)
            guard let number else { return continuation.resume(returning: nil) }
            if asks { Task { await askAll() } }
            Task {
                try? await Task.sleep(for: limits.ask)
                if end(number, of: domain, ifClaimedElsewhere: false) { return suspend() }
                try? await Task.sleep(for: limits.wait - limits.ask)
                _ = end(number, of: domain, ifClaimedElsewhere: true)
            }
        }
    }

    /// Ends a lookup to which there is no answer yet; with the patience for another machine, or before.
    private func end(_ number: Int, of domain: DomainName, ifClaimedElsewhere: Bool) -> Bool {
        let continuation = state.withLock { state -> CheckedContinuation<CachedPolicy?, Never>? in
            guard let lookup = state.lookups[domain], lookup.number == number,
                lookup.isClaimedElsewhere == ifClaimedElsewhere
            else { return nil }
            state.lookups[domain] = nil
            return lookup.continuation
        }
        continuation?.resume(returning: nil)
        return continuation != nil
    }

    private func askAll() async {
        while true {
            let domains = state.withLock { state in
                // One that was asked twice meanwhile is one row.
                let piece = Array(Set(state.queue.prefix(Self.pieceCount)))
                state.queue.removeFirst(min(Self.pieceCount, state.queue.count))
                if piece.isEmpty { state.isAsking = false }
                return piece
            }
            if domains.isEmpty { return }
            do throws(FleetError) { try await ask(for: domains) } catch {
                logger.debug("other machines were not asked for policies", metadata: ["cause": "\(error)"])
                suspend()
            }
        }
    }

    private func ask(for domains: [DomainName]) async throws(FleetError) {
        let (ours, rows) = try await connection.perform(within: limits.ask) { [node] session throws(PostgresError) in
            let ours: Set<DomainName>
            do throws(PostgresError) { ours = try session.claim(domains, as: node, for: Self.claimTime) } catch {
                // A standby knows policies, too.
                guard error.cause == .readOnly else { throw error }
                ours = Set(domains)
            }
            return (ours, try session.policies(of: domains))
        }
        for policy in rows.compactMap(\.policy) { _ = answer(policy) }
        for domain in domains {
            let continuation = state.withLock { state -> CheckedContinuation<CachedPolicy?, Never>? in
                guard !ours.contains(domain) else { return state.lookups.removeValue(forKey: domain)?.continuation }
                state.lookups[domain]?.isClaimedElsewhere = true
                return nil
            }
            continuation?.resume(returning: nil)
        }
    }

    // MARK: Answers

    func isAwaited(_ domain: DomainName) -> Bool { state.withLock { $0.lookups[domain] != nil } }

    /// - Returns: whether somebody has waited for it.
    func answer(_ policy: CachedPolicy) -> Bool {
        let continuation = state.withLock { state -> CheckedContinuation<CachedPolicy?, Never>? in
            guard let lookup = state.lookups[policy.domain], lookup.id == policy.id,
                lookup.since < policy.fetchedAt
            else { return nil }
            state.lookups[policy.domain] = nil
            return lookup.continuation
        }
        continuation?.resume(returning: policy)
        return continuation != nil
    }
}
