// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import Logging
import MTASTS
import PostgreSQL

/// What other machines have fetched or forgotten, read from the database and judged here.
extension PolicyExchange {
    /// Between looks for what can be let go of.
    private static let tidyInterval = Duration.seconds(3600)
    /// Own fetches at one time because of what others say.
    private static let maxFetches = 8
    /// Own fetches that wait: the rest is found when mail asks.
    private static let maxWaitingFetches = 1000

    func pollLoop(into cache: PolicyCache) async {
        var tidied = ContinuousClock.now
        while !Task.isCancelled {
            await read(into: cache)
            if ContinuousClock.now > tidied + Self.tidyInterval {
                tidied = .now
                await tidy()
            }
            await changeSignal.rest(for: limits.poll * Double.random(in: 0.8...1.2))
        }
    }

    private func tidy() async {
        do throws(FleetError) {
            try await connection.perform(within: limits.background) { session throws(PostgresError) in
                try session.tidyPolicies()
            }
        } catch {
            // That the database is away is said of what is read.
            if case .database = error, !Task.isCancelled { warnings.warn(.tidying, ["cause": "\(error)"]) }
        }
    }

    /// Reads what has changed.
    private func read(into cache: PolicyCache) async {
        do throws(FleetError) {
            let began = ContinuousClock.now
            let newest = try await connection.perform(within: limits.background) { session throws(PostgresError) in
                try session.newestPolicyChange()
            }
            // A database that is slow would only hold lookups up.
            if ContinuousClock.now - began < limits.ask { lookups.resume() } else { lookups.suspend() }
            noteWorking()
            begin(with: newest)
            while !Task.isCancelled {
                let last = state.withLock { $0.last }
                guard last < newest else { return }
                let rows = try await connection.perform(within: limits.background) { session throws(PostgresError) in
                    try session.policyChanges(after: last)
                }
                guard let end = rows.last else { return }
                for row in rows { await apply(row, into: cache) }
                // A connection that was lost meanwhile has all read again.
                state.withLock { $0.last = PolicyRow.changed(end) }
            }
        } catch {
            lookups.suspend()
            noteFailure(error)
        }
    }

    /// From where on rows are read.
    private func begin(with newest: Int64) {
        let now = ContinuousClock.now
        state.withLock { state in
            // A database that was put back to an older state counts anew.
            if newest < state.last { state.last = 0 }
            guard state.isNewConnection, state.caughtUp.map({ now >= $0 + limits.catchUpPause }) ?? true else { return }
            state.isNewConnection = false
            state.caughtUp = now
            state.last = 0
        }
    }

    private func apply(_ raw: PostgresRow, into cache: PolicyCache) async {
        do throws(PolicyRow.Defect) {
            let row = try PolicyRow(raw)
            if let time = row.forgottenAt, cache.holds(row.domain, fetchedBy: time) {
                schedule(.forget(before: time), for: row.domain, into: cache)
            }
            let isAwaited = lookups.isAwaited(row.domain)
            guard isAwaited || cache.isNews(row.domain, fetchedAt: row.fetchedAt), let policy = try row.policy() else {
                return
            }
            // The lookup that waits for it judges it.
            if isAwaited, lookups.answer(policy) { return }
            await judge(policy, into: cache)
        } catch {
            state.withLock { $0.counts.refused += 1 }
            warnings.warn(.row, ["domain": "\(printable(raw[0] ?? ""))", "cause": "\(error)"])
        }
    }

    private func judge(_ policy: CachedPolicy, into cache: PolicyCache) async {
        let isUnasked = !cache.holds(policy.domain)
        guard !isUnasked || state.withLock({ $0.unasked }) < Self.maxUnasked else { return }
        switch await cache.take(policy) {
        case .taken: if isUnasked { state.withLock { $0.unasked += 1 } }
        case .leftAlone: break
        case .fetchedFirst: schedule(.fetch, for: policy.domain, into: cache)
        case .refused:
            state.withLock { $0.counts.refused += 1 }
            warnings.warn(
                .policy,
                ["domain": "\(policy.domain)", "id": "\(printable(policy.id))", "fetched": "\(policy.fetchedAt)"])
        }
    }

    // MARK: Local tasks

    private func schedule(_ task: LocalTask, for domain: DomainName, into cache: PolicyCache) {
        let starts = state.withLock { state in
            let isWaiting = state.localTasks[domain] != nil
            guard isWaiting || state.localTasks.count < Self.maxWaitingFetches else { return false }
            if case .fetch = task, isWaiting { return false }
            state.localTasks[domain] = task
            guard state.runningTasks < Self.maxFetches else { return false }
            state.runningTasks += 1
            return true
        }
        if starts { Task { await runLocalTasks(into: cache) } }
    }

    private func runLocalTasks(into cache: PolicyCache) async {
        while let (domain, task) = state.withLock({ state -> (DomainName, LocalTask)? in
            guard let next = state.localTasks.popFirst() else {
                state.runningTasks -= 1
                return nil
            }
            return (next.key, next.value)
        }) {
            switch task {
            case .fetch:
                if await cache.fetchInstead(domain) { state.withLock { $0.counts.fetchedFirst += 1 } }
            case .forget(let time):
                if await cache.forgetAsTold(domain, before: time) { state.withLock { $0.counts.forgotten += 1 } }
            }
        }
    }
}

/// What other machines write that cannot be, and what the database does not let be done.
enum PeerWarning: RepeatedWarning {
    case row, policy, tidying

    var message: Logger.Message {
        switch self {
        case .row: "row of the fleet's policies is none, it is passed over"
        case .tidying: "old policies cannot be removed from the fleet's database"
        case .policy: "policy of another machine has a time or an id that cannot be, it is passed over"
        }
    }
}
