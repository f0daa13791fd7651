// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// What is known of the message in transfer; belongs to its ``Session`` alone.
///
/// Used again for the next message of the connection, so that a message allocates little.
final class Message {
    enum TLSRequired: Sendable { case no, other }

    /// Next hops whose room is kept from message to message.
    private static let keptVerdicts = 16
    /// Recipients of one message that are told to who asks later; of ``verdicts``, of ``others`` and ``unjudged`` each.
    private static let maxTold = 100

    /// As they were when the message began: a reload never splits a message.
    var settings: MilterState.Settings
    /// Nil where nobody looked at it: most senders matter to no setting.
    var origin: Origin?
    var queueID: String?
    /// Whether the message may come from sendmail(1), if its recipients lack a route too.
    var mayBeLocal = false
    /// The MAIL parameter, which overrides the header.
    /// - Deviation: REQUIRETLS is not enforced.
    var requiresTLS = false
    var tlsRequired: [TLSRequired] = []
    /// Time spent waiting for lookups.
    var waited: Duration = .zero
    /// By next hops; few, so they are searched in order.
    var verdicts: [Judged] = []
    /// Of further domains by next hops of ``verdicts``, or with another decision, for who asks later.
    var others: [Judged] = []
    var unjudged: [Unjudged] = []
    var omitted = 0
    /// Whether all recipients so far were let go without a finding.
    var isPlain = true
    /// Domains with an enforce policy whose mail goes on if the message does, by their own MX records.
    var accepted: [DomainName] = []
    /// What is done about these only the end of the message decides.
    var undecided: [Disposition] = []
    /// Why the whole message must wait.
    var deferral: Reply?
    /// Why the whole message is put on hold.
    var hold: Reply?

    init(settings: MilterState.Settings) { self.settings = settings }

    /// Forgets the message, so that another can take its place.
    func clear() {
        queueID = nil
        mayBeLocal = false
        requiresTLS = false
        isPlain = true
        waited = .zero
        if verdicts.capacity > Self.keptVerdicts { verdicts = [] }
        while verdicts.popLast() != nil {}
        // To look costs less than to set, and few messages have any of these.
        if !others.isEmpty { others = [] }
        if !unjudged.isEmpty { unjudged = [] }
        if omitted != 0 { omitted = 0 }
        if origin != nil { origin = nil }
        if !tlsRequired.isEmpty { tlsRequired = [] }
        if !accepted.isEmpty { accepted = [] }
        if !undecided.isEmpty { undecided = [] }
        if deferral != nil { deferral = nil }
        if hold != nil { hold = nil }
    }

    /// Whether the sender prefers delivery to TLS; contradicting headers say nothing.
    /// - RFC 8689 §3: The TLS-Required Header Field.
    var isTLSOptional: Bool { !requiresTLS && !tlsRequired.isEmpty && tlsRequired.allSatisfy { $0 == .no } }
}

extension Message {
    /// Remembers a recipient whose next hops were judged before, unless the same is remembered.
    /// - Parameter known: the place of those in ``verdicts``.
    func remember(_ judged: Judged, after known: Int) {
        if judged.says(whatIsSaidBy: verdicts[known]) || others.contains(where: { judged.says(whatIsSaidBy: $0) }) {
            return
        }
        guard others.count < Self.maxTold else {
            omitted += 1
            return
        }
        others.append(judged)
    }

    func remember(_ recipient: Unjudged) {
        if unjudged.contains(recipient) { return }
        guard unjudged.count < Self.maxTold else {
            omitted += 1
            return
        }
        unjudged.append(recipient)
    }

    /// Whether anybody could wonder what was decided.
    var isToldOf: Bool { !verdicts.isEmpty || unjudged.contains(where: \.isOfUse) }

    /// What was decided, taken out of the message, which is over.
    /// - Parameter reply: what was told of all of it.
    func decided(
        queueID: String, _ ending: DecidedMessage.Ending, isPlain: Bool, reply: Reply?, at now: UTCTime
    ) -> DecidedMessage {
        defer { verdicts = [] }
        let more = max(0, verdicts.count - Self.maxTold)
        let judged = more > 0 || !others.isEmpty ? verdicts.prefix(Self.maxTold) + others : verdicts
        return DecidedMessage(
            queueID: queueID, endedAt: now, ending: ending, reply: reply, judged: judged, unjudged: unjudged,
            omitted: omitted + more, requiresTLS: requiresTLS, isPlain: isPlain)
    }
}

extension Judged {
    fileprivate func says(whatIsSaidBy other: Judged) -> Bool {
        decision == other.decision && recipientDomain == other.recipientDomain && hops == other.hops
    }
}

extension Unjudged {
    /// Whether somebody would wonder. Mail that stays here is not ours, and may be most of all mail.
    fileprivate var isOfUse: Bool {
        if case .notOurs = reason { false } else { true }
    }
}
