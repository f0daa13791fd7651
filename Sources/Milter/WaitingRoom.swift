// SPDX-License-Identifier: Apache-2.0
import Dispatch
import MTASTS
import Synchronization

/// Where libmilter's threads wait for a verdict: not too long, and not too many of them.
final class WaitingRoom: Sendable {
    /// Lookups started here that may run at one time; waiters have long left most of them.
    private static let maxLookups = 10_000

    /// Of the places, those that the mail of one next hop leaves to others, in per cent: a slow domain must not make all
    /// other cold domains unknown.
    private static let leftToOthers = 25

    private let waiting = Guarded(Places())
    private let lookups = Atomic(0)

    /// The verdict, if it comes within `patience`; the lookup goes on when it does not, or when nobody more may wait.
    func verdict(
        on hops: [NextHop], by judge: any RecipientJudge, within patience: Duration, maxWaiting: Int
    ) -> Result<Verdict, WaitEnding> {
        let found = Promise()
        guard start(hops, judge, found) else { return .failure(.crowded) }
        let share = max(1, maxWaiting - maxWaiting * Self.leftToOthers / 100)
        guard patience > .zero, waiting.withLock({ $0.take(hops, of: maxWaiting, share: share) }) else {
            return .failure(.crowded)
        }
        defer { waiting.withLock { $0.leave(hops) } }
        return found.value(within: patience).map { .success($0) } ?? .failure(.late)
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

/// Who waits for which next hops.
private struct Places: Sendable {
    private var taken = 0
    private var byHops: [[NextHop]: Int] = [:]

    mutating func take(_ hops: [NextHop], of limit: Int, share: Int) -> Bool {
        guard taken < limit, byHops[hops, default: 0] < share else { return false }
        taken += 1
        byHops[hops, default: 0] += 1
        return true
    }

    mutating func leave(_ hops: [NextHop]) {
        taken -= 1
        let left = byHops[hops, default: 1] - 1
        byHops[hops] = left > 0 ? left : nil
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
