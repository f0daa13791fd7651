// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

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
    package var isPlain: Bool {
        ending == .accepted && judged.allSatisfy { $0.decision == .deliver }
    }
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
    /// What the client was told.
    package internal(set) var reply: Reply?
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

/// Messages decided on some connections that nobody has taken yet; bounded, since who takes them may be slow.
final class DecidedMessages: Sendable {
    /// Recipients of all messages that are held, and of what plain ones may take.
    static let limit = 512
    static let plainLimit = 256

    private struct State {
        var messages: [DecidedMessage] = []
        var recipients = 0
        var lost = 0
    }

    private let state = Locked(State())

    func add(_ message: DecidedMessage) {
        state.withLock { state in
            guard state.recipients < (message.isPlain ? Self.plainLimit : Self.limit) else {
                state.lost += 1
                return
            }
            state.recipients += message.judged.count + message.unjudged.count
            state.messages.append(message)
        }
    }

    /// What came since the last time, and how many found no room.
    func take() -> (messages: [DecidedMessage], lost: Int) {
        state.withLock { state in
            defer { state = State() }
            return (state.messages, state.lost)
        }
    }
}

extension MilterServer {
    /// What was decided since the last time, connection by connection, and how many messages found no room.
    package func takeDecided() -> (messages: [DecidedMessage], lost: Int) {
        shared.callbacks.decided.reduce(into: ([], 0)) { all, part in
            let (messages, lost) = part.take()
            all.0 += messages
            all.1 += lost
        }
    }
}
