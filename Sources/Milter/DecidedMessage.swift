// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Synchronization

/// What was decided about one message with a queue id, and on what it rests: for `sts-milter explain`. It holds no local part.
package struct DecidedMessage: Sendable {
    /// How the message ended at the milter.
    package enum Ending: String, Sendable, Hashable, CaseIterable {
        /// It went on, to the recipients that were not deferred.
        case accepted
        /// It went on by its header. - RFC 8689 §3: The TLS-Required Header Field.
        case letThroughByHeader = "let-through-by-tls-required"
        /// It went on because the operator has paused us.
        case letThroughByPause = "let-through-by-pause"
        /// All of it was deferred.
        case deferred
        case putOnHold = "put-on-hold"
        /// It never came to its end: all recipients were deferred, somebody else refused it, or the client gave up.
        case gone
    }

    /// As the MTA gave it: text of others.
    package let queueID: String
    package let endedAt: UTCTime
    package let ending: Ending
    /// What the client was told of the whole message, or why it is on hold.
    package let reply: Reply?
    /// One for each next hop, and for each domain that goes by the same one.
    package let judged: [Judged]
    package let unjudged: [Unjudged]
    /// Recipients that are left out for their number.
    package let omitted: Int
    /// Whether the sender asked for TLS by the MAIL parameter, which overrides the header.
    package let requiresTLS: Bool

    /// Whether nothing was held back or found wanting: such as most mail is.
    package let isPlain: Bool
}

/// What was decided about recipients of one domain and next hop.
package struct Judged: Sendable {
    /// Nil for an address without a domain.
    package let recipientDomain: DomainName?
    package let hops: [NextHop]
    package let judgement: Judgement
    package let decision: Decision
    /// What the first of the operator's rules that matched says.
    package let rule: Rule.Action?
    /// Whether it came from sendmail(1).
    package let isLocal: Bool
    /// Whether the MTA asks the policy map for the next hops, if it asks at all.
    let isMapAsked: Bool
    /// What the client was told, in a block of its own: few recipients have any, and all are copied.
    private var told: Told?

    private final class Told: Sendable {
        let reply: Reply

        init(_ reply: Reply) { self.reply = reply }
    }

    init(_ line: VerdictLine, rule: Rule.Action?, isLocal: Bool, isMapAsked: Bool) {
        recipientDomain = line.recipient.domain
        hops = line.hops
        judgement = line.judgement
        decision = line.decision
        self.rule = rule
        self.isLocal = isLocal
        self.isMapAsked = isMapAsked
    }

    /// What the client was told.
    package internal(set) var reply: Reply? {
        get { told?.reply }
        set { told = newValue.map(Told.init) }
    }
}

/// Recipients that were not judged.
package struct Unjudged: Sendable, Equatable {
    package enum Reason: Sendable, Equatable {
        case exemptByRule
        /// A report of ours to who asked for it.
        case ownReport
        /// It stays here, or leaves by a transport that is not ours to judge; the text says why.
        case notOurs(String)
    }

    package let recipientDomain: DomainName?
    package let reason: Reason
}

/// Plain messages that all connections together may hold until somebody takes them.
final class DecidedBudget: Sendable {
    /// As many as are written at a time: what is past that would be made and thrown away.
    static let limit = 1000

    private let held = Atomic(0)

    /// Most messages of a busy site come here only to learn that there is none. So they read, and do not write.
    var isFree: Bool { held.load(ordering: .relaxed) < Self.limit }
    func take() { held.add(1, ordering: .relaxed) }
    func giveBack(_ messages: Int) { held.subtract(messages, ordering: .relaxed) }
}

/// Messages decided on some connections that nobody has taken yet; bounded, since who takes them may be slow.
final class DecidedMessages: Sendable {
    /// Recipients of all messages that are held, and of what plain ones may take.
    static let limit = 512
    static let plainLimit = 256

    private struct State {
        var messages: [DecidedMessage] = []
        var recipients = 0
        var plain = 0
    }

    private let budget: DecidedBudget
    private let state = Locked(State())
    /// As in the state, for a look without the lock.
    private let recipients = Atomic(0)

    /// - Parameter budget: shared by all connections.
    init(in budget: DecidedBudget) { self.budget = budget }

    /// Whether a message that ends now would be held. Takes no lock: nothing is made of a message that has no room.
    func hasRoom(isPlain: Bool) -> Bool {
        let held = recipients.load(ordering: .relaxed)
        return isPlain ? held < Self.plainLimit && budget.isFree : held < Self.limit
    }

    /// Holds a message that has room.
    func add(_ message: DecidedMessage) {
        if message.isPlain { budget.take() }
        state.withLock { state in
            state.recipients += message.judged.count + message.unjudged.count
            recipients.store(state.recipients, ordering: .relaxed)
            if message.isPlain { state.plain += 1 }
            state.messages.append(message)
        }
    }

    /// What came since the last time.
    func take() -> [DecidedMessage] {
        let taken = state.withLock { state in
            recipients.store(0, ordering: .relaxed)
            defer { state = State() }
            return state
        }
        budget.giveBack(taken.plain)
        return taken.messages
    }
}

extension MilterServer {
    /// What was decided since the last time, connection by connection.
    package func takeDecided() -> [DecidedMessage] { shared.callbacks.decided.flatMap { $0.take() } }
}
