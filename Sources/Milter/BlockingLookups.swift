// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import Glibc

/// Where libmilter's threads wait for a verdict: not too long, and not too many of them.
final class BlockingLookups: Sendable {
    /// Lookups started here that may run at one time; waiters have long left most of them.
    private static let maxLookups = 10_000

    /// By the owners of next hops: names below a domain are free, so that one owner with many names keeps nobody back.
    private let waiting = Locked(SharedPlaces<Share>())
    private let lookups = Locked(SharedPlaces<Share>())

    /// The verdict, if it comes within `waitLimit`; the lookup goes on when it does not, or when nobody more may wait.
    func judgement(
        on hops: [NextHop], by judge: any RecipientJudge, within waitLimit: Duration, maxWaiting: Int
    ) -> Result<Judgement, WaitEnding> {
        let found = Promise()
        let shares = Share.owners(of: hops.compactMap(\.policyDomain))
        guard start(hops, shares, judge, found) else { return .failure(.crowded) }
        guard waitLimit > .zero else { return .failure(.spent) }
        let refusal: WaitEnding? = waiting.withLock { places in
            if places.take(shares, of: maxWaiting) { return nil }
            // A domain that fills its own share is slow by itself, or made so: no reason to let its mail go.
            return places.taken < maxWaiting ? .spent : .crowded
        }
        if let refusal { return .failure(refusal) }
        defer { waiting.withLock { $0.give(shares) } }
        return found.value(within: waitLimit).map { .success($0) } ?? .failure(.late)
    }

    private func start(_ hops: [NextHop], _ shares: [Share], _ judge: any RecipientJudge, _ found: Promise) -> Bool {
        guard lookups.withLock({ $0.take(shares, of: Self.maxLookups) }) else { return false }
        Task {
            found.keep(await judge.resolve(hops))
            lookups.withLock { $0.give(shares) }
        }
        return true
    }
}

/// A verdict to come, from a task to a thread.
///
/// Not `DispatchSemaphore`, which waits by the wall clock: one that is set back would keep a reply from the MTA for as
/// long.
private final class Promise: @unchecked Sendable {  // `judgement` is touched under `mutex` only.
    private var judgement: Judgement?
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let isKept: UnsafeMutablePointer<pthread_cond_t>

    init() {
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        isKept = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(isKept, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(isKept)
        isKept.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func keep(_ value: Judgement) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        judgement = value
        pthread_cond_signal(isKept)
    }

    func value(within waitLimit: Duration) -> Judgement? {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let (seconds, attoseconds) = waitLimit.components
        let nanoseconds = deadline.tv_nsec + Int(attoseconds / 1_000_000_000)
        deadline.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while judgement == nil, pthread_cond_timedwait(isKept, mutex, &deadline) == 0 {}
        return judgement
    }
}
