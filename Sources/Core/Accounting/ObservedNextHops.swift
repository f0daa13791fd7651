// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency

/// Which next hops the mail of recipient domains takes, as the MTA said it to the milter.
///
/// A log tells the recipient and the host that took the mail, not whether the host was found by the recipient's MX
/// records or by a relayhost or transport table, in which case the session is not about the recipient's domain.
package final class ObservedNextHops: Sendable {
    /// Longer than mail stays in a queue.
    private static let rememberedFor = Duration.seconds(5 * 86_400)
    /// A domain is noted anew after this time only, or when its next hops change.
    private static let grain = Duration.seconds(3600)

    private struct Note: Sendable {
        let hops: [NextHop]
        let at: UTCTime
    }

    private let notes = TTLCache<DomainName, Note>(octets: MemoryBudget.hops) { domain, note in
        note.hops.reduce(domain.heldOctets) { $0 + MemoryLayout<NextHop>.stride + $1.heldOctets }
    }
    private let clock: any WallClock

    package init(clock: any WallClock) { self.clock = clock }

    package func note(_ disposition: Disposition) {
        guard let domain = disposition.recipientDomain else { return }
        let now = clock.now
        if let last = notes.value(for: domain, at: now), last.hops == disposition.hops, now < last.at + Self.grain {
            return
        }
        notes.set(Note(hops: disposition.hops, at: now), for: domain, at: now, keepFor: Self.rememberedFor)
    }

    /// Lets go of what is remembered no longer.
    package func sweep() { notes.sweep(at: clock.now) }

    /// The next hops of the domain's mail; nil if no mail for it was seen.
    func hops(of domain: DomainName) -> [NextHop]? { notes.value(for: domain, at: clock.now)?.hops }
}
