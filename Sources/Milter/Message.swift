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
        waited = .zero
        if verdicts.capacity > Self.keptVerdicts { verdicts = [] }
        while verdicts.popLast() != nil {}
        // To look costs less than to set, and few messages have any of these.
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

/// A verdict already given for this message.
struct Judged: Sendable {
    let hops: [NextHop]
    let judgement: Judgement
}
