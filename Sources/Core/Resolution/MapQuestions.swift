// SPDX-License-Identifier: Apache-2.0
import Basics

/// Which mail under enforce policies went in, and whether the policy map was then asked for its next hop. Pure: who calls
/// tells the time.
struct MapQuestions: Sendable {
    /// Domains whose mail waits for a question at one time. Past that no more are watched: if nobody asks, these tell.
    private static let maxWaiting = 1000
    /// Domains remembered that were not asked for; past that the oldest is forgotten.
    private static let maxUnasked = 256
    /// Domains asked for in one second.
    private static let maxJustAsked = 4096

    /// What the MTA asks the map for.
    enum Key: Sendable, Hashable { case nextHop, recipientDomain }

    /// What is known of the MTA.
    enum State: Sendable, Equatable {
        /// It has not asked for mail that it took.
        case unheard
        /// It asks; the domain was the last, and when.
        case asks(DomainName, at: UTCTime)
        /// It did not ask for mail to the domain that it took then.
        case failed(DomainName, acceptedAt: UTCTime)
    }

    private(set) var state = State.unheard
    /// Whether mail that went in was ever asked for by the domain of its recipient.
    private(set) var isAskedByRecipient = false
    /// Domains that were not asked for in time, the oldest first. An own table of the MTA's may know them.
    private(set) var unasked: [DomainName] = []
    /// Since when mail that went in waits for a question.
    private var waiting: [DomainName: UTCTime] = [:]
    /// What was asked for in the last second in which anything was, and as what.
    private var justAsked: [DomainName: Set<Key>] = [:]
    private var justAskedAt = UTCTime(secondsSinceEpoch: 0)

    /// Whether the map guards deliveries to the domain.
    func guards(_ domain: DomainName) -> Bool {
        if case .asks = state { !unasked.contains(domain) } else { false }
    }

    /// Mail for the domain went in.
    /// - Returns: whether ``state`` is another kind now; likewise below.
    mutating func noteAccepted(_ domain: DomainName, at now: UTCTime) -> Bool {
        // An answer stands for a second, in which further questions need not come here.
        if now == justAskedAt, let keys = justAsked[domain] {
            return noteAnswered(domain, as: keys, acceptedAt: now, at: now)
        }
        if waiting[domain] == nil, waiting.count < Self.maxWaiting { waiting[domain] = now }
        return false
    }

    /// The map was asked for the domain.
    mutating func noteAsked(_ domain: DomainName, as key: Key = .nextHop, at now: UTCTime) -> Bool {
        if now != justAskedAt {
            justAsked.removeAll(keepingCapacity: true)
            justAskedAt = now
        }
        if justAsked.count < Self.maxJustAsked { justAsked[domain, default: []].insert(key) }
        guard let acceptedAt = waiting.removeValue(forKey: domain) else { return false }
        return noteAnswered(domain, as: [key], acceptedAt: acceptedAt, at: now)
    }

    /// A question came for mail that went in.
    private mutating func noteAnswered(
        _ domain: DomainName, as keys: Set<Key>, acceptedAt: UTCTime, at now: UTCTime
    ) -> Bool {
        if keys.contains(.recipientDomain) { isAskedByRecipient = true }
        unasked.removeAll { $0 == domain }
        if case .asks = state {
            state = .asks(domain, at: now)
            return false
        }
        // A single question may be a person's. The MTA's come for all mail, in about its order.
        if waiting.contains(where: { $0.value < acceptedAt && !unasked.contains($0.key) }) { return false }
        state = .asks(domain, at: now)
        return true
    }

    /// Time has passed: mail that waited for longer than the limit was not asked for.
    mutating func look(at now: UTCTime, within limit: Duration) -> Bool {
        var late: (domain: DomainName, acceptedAt: UTCTime)?
        for (domain, acceptedAt) in waiting {
            // The clock went back.
            if acceptedAt > now { waiting[domain] = now }
            guard now - acceptedAt >= limit else { continue }
            waiting[domain] = nil
            // Known already, so nobody counts on the map for it.
            guard !unasked.contains(domain) else { continue }
            unasked.append(domain)
            if late.map({ acceptedAt < $0.acceptedAt }) ?? true { late = (domain, acceptedAt) }
        }
        if unasked.count > Self.maxUnasked { unasked.removeFirst(unasked.count - Self.maxUnasked) }
        guard let late else { return false }
        if case .failed = state { return false }
        state = .failed(late.domain, acceptedAt: late.acceptedAt)
        return true
    }
}
