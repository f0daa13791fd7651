// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Store

/// Counts what datagrams tell: at once, or when the lookup in flight says under which policy.
final class WaitingDatagrams: Sendable {
    /// Different datagrams that may wait; one more counts at once, in doubt.
    private static let maxWaiting = 10_000

    private struct State {
        var tasks: [Int: Task<Void, Never>] = [:]
        var number = 0
    }

    private let accounting: SessionAccounting
    private let ledger: Ledger
    private let state = Locked(State())

    init(accounting: SessionAccounting, ledger: Ledger) {
        self.accounting = accounting
        self.ledger = ledger
    }

    func count(_ sessions: [SessionCount], times: Int) {
        let waits = accounting.mustWait(for: sessions) && state.withLock { start(sessions, times, &$0) }
        if !waits { record(sessions, times) }
    }

    private func start(_ sessions: [SessionCount], _ times: Int, _ state: inout State) -> Bool {
        guard state.tasks.count < Self.maxWaiting else { return false }
        state.number += 1
        state.tasks[state.number] = Task { [self, number = state.number] in
            await accounting.wait(for: sessions)
            record(sessions, times)
            self.state.withLock { $0.tasks[number] = nil }
        }
        return true
    }

    /// Counts what still waits as memory stands.
    func finish() async {
        let tasks = state.withLock { Array($0.tasks.values) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    private func record(_ sessions: [SessionCount], _ times: Int) {
        ledger.record(accounting.counts(reported: sessions, times: times), times: times)
    }
}
