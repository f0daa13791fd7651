// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import TLSRPT

/// Which domains' mail was held back of late, and why, for an operator who asks.
///
/// Only mail that is held back is noted, so that all other mail pays nothing for it, but for a look at the table where a log
/// tells of its delivery. Whether a domain's mail goes again is looked at when somebody asks.
package final class HeldMail: Sendable {
    /// How long a domain is shown after its last mail: longer than an MTA waits between two tries, which is 4000 s
    /// (Postfix, `maximal_backoff_time`) or an hour (Sendmail on Debian).
    package static let shownFor = Duration.seconds(2 * 3600)

    /// A domain whose mail was held back.
    package struct Entry: Sendable {
        package let hop: NextHop
        package let cause: HeldCause
        /// The first of those that followed each other within ``HeldMail/shownFor``.
        package let since: UTCTime
        package let lastTry: UTCTime
        /// Messages that the milter held back; one that is offered again counts again.
        package let messages: Int
        /// Deliveries that did not come about, each try of them: the policy map held them back, or no host did what it asked.
        package let deliveries: Int
    }

    private let table = TTLCache<DomainName, Entry>(octets: MemoryBudget.held) { domain, entry in
        domain.heldOctets + entry.hop.heldOctets + entry.cause.heldOctets
    }
    private let clock: any WallClock

    package init(clock: any WallClock) { self.clock = clock }

    /// Takes note of a message that the milter held back; of any other it takes none.
    package func note(_ disposition: Disposition) {
        guard disposition.isHeldBack, let cause = HeldCause(disposition.verdict),
            let domain = disposition.judgement.basis.policyDomain ?? disposition.recipientDomain
        else { return }
        let hop = disposition.hops.first { $0.policyDomain == domain }
        add(domain, hop, cause, messages: 1)
    }

    /// Takes note of a delivery that the policy map held back.
    /// - Parameter text: why, as it was told to the MTA.
    package func note(_ domain: DomainName, heldByMapBecause text: String) {
        add(domain, nil, HeldCause(heldByMapBecause: text), deliveries: 1)
    }

    /// Takes note of a session that the MTA broke off, since the host did not do what its policy or its TLSA records ask.
    /// Where another host took the mail, ``noteDelivery(to:)`` follows.
    func note(
        _ session: ObservedSession, failing type: ResultType, _ reason: String?, for domain: DomainName,
        via hop: NextHop, of requirement: Requirement
    ) {
        guard clock.now < session.time + Self.shownFor else { return }
        let cause = HeldCause(
            host: session.host, type: type, text: FailureDetails(type, reasonCode: reason).inWords,
            requirement: requirement)
        add(domain, hop, cause, deliveries: 1)
    }

    /// Takes note that mail to the domain went: none of it is held at the delivery any more.
    func noteDelivery(to domain: DomainName) {
        if let entry = entry(of: domain), entry.messages == 0 { table.remove(domain) }
    }

    private func add(
        _ domain: DomainName, _ hop: NextHop?, _ cause: HeldCause, messages: Int = 0, deliveries: Int = 0
    ) {
        let now = clock.now
        table.change(domain, at: now, keepFor: Self.shownFor) { last in
            Entry(
                hop: hop ?? last?.hop ?? .mx(of: domain, port: NextHop.smtpPort), cause: cause,
                since: last?.since ?? now, lastTry: now, messages: (last?.messages ?? 0) + messages,
                deliveries: (last?.deliveries ?? 0) + deliveries)
        }
    }

    /// The domains whose mail was held back within ``shownFor``, the latest first.
    package var entries: [(domain: DomainName, entry: Entry)] {
        table.entries(at: clock.now).map { (domain: $0.key, entry: $0.value) }
            .sorted { ($1.entry.lastTry, $0.domain) < ($0.entry.lastTry, $1.domain) }
    }

    /// What is noted of one domain; nil if none of its mail was held back of late.
    package func entry(of domain: DomainName) -> Entry? { table.value(for: domain, at: clock.now) }

    /// Lets go of what is shown no longer.
    package func sweep() { table.sweep(at: clock.now) }
}

/// Why mail was held back.
package struct HeldCause: Sendable, Hashable {
    /// The host that does not conform; nil where no single host is to blame.
    package let host: DomainName?
    /// What was seen to fail, nil where nothing was seen.
    package let type: ResultType?
    /// What a person reads, safe to print.
    package let text: String
    /// Whether a failure of our own is why.
    package let isOurs: Bool
    /// What the hosts were to keep; nil where it is not known.
    package let requirement: Requirement?

    fileprivate init(host: DomainName?, type: ResultType, text: String, requirement: Requirement) {
        (self.host, self.type, self.text, isOurs, self.requirement) = (host, type, text, false, requirement)
    }

    init(heldByMapBecause text: String) {
        (host, type, self.text, isOurs, requirement) = (nil, nil, text, false, nil)
    }

    /// - Returns: nil for a verdict upon which nothing is held back.
    init?(_ verdict: Verdict) {
        switch verdict {
        case .violating(let violation):
            host = violation.headline?.host
            type = violation.headline?.failure.type
            text = violation.headline?.failure.text ?? "no host conforms"
            isOurs = false
            requirement = violation.requirement
        case .unproven(let doubt):
            (host, type, text, isOurs) = (nil, nil, doubt.text, doubt.isOurs)
            requirement = doubt.requirement
        case .unknown(let why): (host, type, text, isOurs, requirement) = (nil, nil, why, false, nil)
        case .notJudged, .noPolicy, .modeNone, .conforming, .testing, .provenLately: return nil
        }
    }

    var heldOctets: Int { (host?.heldOctets ?? 0) + text.heldOctets }
}
