// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core

/// Where libmilter's threads wait for a verdict: not too long, and not too many of them.
final class BlockingLookups: Sendable {
    /// Lookups started here that may run at one time; waiters have long left most of them.
    private static let maxLookups = 10_000

    /// By the owners of next hops: names below a domain are free, so that one owner with many names keeps nobody back.
    private let waiting = Locked(SharedPlaces<Share>())
    private let lookups = Locked(SharedPlaces<Share>())

    /// Callbacks that wait now.
    var waitingCount: Int { waiting.withLock { $0.taken } }

    /// The verdict, if it comes within `waitLimit`; the lookup goes on when it does not, or when nobody more may wait.
    func judgement(
        on hops: [NextHop], isMapAsked: Bool, by judge: any RecipientJudge, within waitLimit: Duration, maxWaiting: Int
    ) -> Result<Judgement, WaitEnding> {
        let found = Monitor<Judgement?>(nil)
        let shares = Share.owners(of: hops.compactMap(\.policyDomain))
        guard start(hops, isMapAsked, shares, judge, found) else { return .failure(.crowded) }
        guard waitLimit > .zero else { return .failure(.spent) }
        let refusal: WaitEnding? = waiting.withLock { places in
            if places.take(shares, of: maxWaiting) { return nil }
            // A domain that fills its own share is slow by itself, or made so: no reason to let its mail go.
            return places.taken < maxWaiting ? .spent : .crowded
        }
        if let refusal { return .failure(refusal) }
        defer { waiting.withLock { $0.give(shares) } }
        let verdict = found.wait(within: waitLimit, until: { $0 != nil }, then: { $0 })
        return verdict.map { .success($0) } ?? .failure(.late)
    }

    private func start(
        _ hops: [NextHop], _ isMapAsked: Bool, _ shares: [Share], _ judge: any RecipientJudge,
        _ found: Monitor<Judgement?>
    ) -> Bool {
        guard lookups.withLock({ $0.take(shares, of: Self.maxLookups) }) else { return false }
        Task {
            let verdict = await judge.resolve(hops, isMapAsked: isMapAsked)
            found.change { $0 = verdict }
            lookups.withLock { $0.give(shares) }
        }
        return true
    }
}
