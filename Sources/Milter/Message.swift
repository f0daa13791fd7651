// SPDX-License-Identifier: Apache-2.0
import Core

/// What is known of the message in transfer; belongs to its ``Session`` alone.
final class Message {
    enum TLSRequired: Sendable { case no, other }

    /// As they were when the message began: a reload never splits a message.
    let settings: MilterState.Settings
    var origin = Origin()
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
    /// Lines written without a queue id, to be written again with it.
    var unnamed: [VerdictLine] = []
    /// What is done about these only the end of the message decides.
    var undecided: [Disposition] = []
    /// Why the whole message must wait.
    var deferral: Reply?
    /// Why the whole message is put on hold.
    var hold: Reply?

    init(settings: MilterState.Settings) { self.settings = settings }

    /// Whether nothing is left to do at its end.
    var isPlain: Bool { unnamed.isEmpty && deferral == nil && hold == nil }

    /// Whether the sender prefers delivery to TLS; contradicting headers say nothing.
    /// - RFC 8689 §3: The TLS-Required Header Field.
    var isTLSOptional: Bool { !requiresTLS && !tlsRequired.isEmpty && tlsRequired.allSatisfy { $0 == .no } }
}

/// A verdict already given for this message.
struct Judged: Sendable {
    let hops: [NextHop]
    let judgement: Judgement
}
