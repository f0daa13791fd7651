// SPDX-License-Identifier: Apache-2.0
import Dispatch
import MTASTS
import Synchronization

/// Where libmilter's threads wait for a verdict: not too long, and not too many of them.
final class WaitingRoom: Sendable {
    /// Lookups started here that may run at one time; waiters have long left most of them.
    private static let maxLookups = 10_000

    private let waiting = Atomic(0)
    private let lookups = Atomic(0)

    /// The verdict, if it comes within `patience`; the lookup goes on when it does not, or when nobody more may wait.
    func verdict(
        on hops: [NextHop], by judge: any RecipientJudge, within patience: Duration, maxWaiting: Int
    ) -> Verdict? {
        let found = Promise()
        guard start(hops, judge, found) else { return nil }
        guard patience > .zero, waiting.add(1, ordering: .relaxed).newValue <= maxWaiting else {
            if patience > .zero { waiting.subtract(1, ordering: .relaxed) }
            return nil
        }
        defer { waiting.subtract(1, ordering: .relaxed) }
        return found.value(within: patience)
    }

    private func start(_ hops: [NextHop], _ judge: any RecipientJudge, _ found: Promise) -> Bool {
        guard lookups.add(1, ordering: .relaxed).newValue <= Self.maxLookups else {
            lookups.subtract(1, ordering: .relaxed)
            return false
        }
        Task {
            found.keep(await judge.judge(hops))
            lookups.subtract(1, ordering: .relaxed)
        }
        return true
    }
}

/// A verdict to come, from a task to a thread.
private final class Promise: Sendable {
    private let verdict = Guarded<Verdict?>(nil)
    private let isKept = DispatchSemaphore(value: 0)

    func keep(_ value: Verdict) {
        verdict.withLock { $0 = value }
        isKept.signal()
    }

    func value(within patience: Duration) -> Verdict? {
        let (seconds, attoseconds) = patience.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        _ = isKept.wait(timeout: .now() + .nanoseconds(nanoseconds))
        return verdict.withLock { $0 }
    }
}
