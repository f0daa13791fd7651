// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency

/// What an MTA asked the policy map and how it was answered: which next hops its mail takes, and which deliveries were
/// held to DANE or not let go.
///
/// MTAs ask by the next hop, not by the recipient: where a relayhost or transport takes a domain's mail, that is asked for,
/// and the domain is not.
package final class ObservedMapKeys: Sendable {
    /// Longer than mail stays in a queue.
    private static let rememberedFor = Duration.seconds(5 * 86_400)
    /// A key is noted anew after this time only, or when it is answered otherwise.
    static let grain = Duration.seconds(30)
    /// Keys whose MX hosts are compared with a host that nobody knows.
    private static let maxRecent = 64
    /// How long after an answer the line of its delivery may be stamped, and by how much clocks may differ.
    private static let deliveryTakes = Duration.seconds(900)
    private static let slack = Duration.seconds(2)

    struct Note: Sendable {
        let hop: NextHop
        var askedAt: UTCTime
        /// Whether by the last answer DANE decides, at hosts that have records.
        var isDANE = false
        /// The last refusal, and when; and when the key was let go for the first time after it.
        var refusal: MapRefusal?
        var refusedAt: UTCTime?
        var passedAt: UTCTime?
    }

    private let notes = TTLCache<DomainName, Note>(octets: MemoryBudget.mapKeys) { domain, note in
        domain.heldOctets + note.hop.heldOctets + (note.refusal?.heldOctets ?? 0)
    }
    private let recentHops = Locked<[NextHop]>([])
    private let clock: any WallClock

    package init(clock: any WallClock) { self.clock = clock }

    /// Takes note of a question and its answer; costs a look in memory, mostly.
    package func note(_ key: NextHop, _ answer: MapAnswer) {
        guard let domain = key.policyDomain else { return }
        let now = clock.now
        let refusal = answer.refusal
        let isDANE = answer.leavesItToDANE
        if refusal == nil, let last = notes.value(for: domain, at: now), last.hop == key, last.isDANE == isDANE,
            last.refusedAt == nil || last.passedAt != nil, now < last.askedAt + Self.grain
        {
            return
        }
        notes.change(domain, at: now, keepFor: Self.rememberedFor) { last in
            var note = Note(hop: key, askedAt: now, isDANE: isDANE)
            note.refusal = refusal ?? last?.refusal
            note.refusedAt = refusal == nil ? last?.refusedAt : now
            note.passedAt = refusal == nil && note.refusedAt != nil ? last?.passedAt ?? now : nil
            return note
        }
        recentHops.withLock { hops in
            if hops.last == key { return }
            hops.removeAll { $0 == key }
            hops.append(key)
            if hops.count > Self.maxRecent { hops.removeFirst() }
        }
    }

    /// Lets go of what is remembered no longer.
    package func sweep() { notes.sweep(at: clock.now) }

    /// What was last asked of a domain, as a next hop of its own or with its host in brackets.
    func note(of domain: DomainName) -> Note? { notes.value(for: domain, at: clock.now) }

    /// The next hops asked for last, the latest first.
    var recent: [NextHop] { recentHops.withLock { $0.reversed() } }

    /// Why a delivery at the time was not let go; nil if nothing says so, or if the key was let go before.
    func refusal(of domain: DomainName, at time: UTCTime) -> MapRefusal? {
        guard let note = note(of: domain), let refusal = note.refusal, let refusedAt = note.refusedAt,
            refusedAt + Self.deliveryTakes >= time
        else { return nil }
        if let passedAt = note.passedAt, passedAt + Self.slack < time { return nil }
        return refusal
    }
}
