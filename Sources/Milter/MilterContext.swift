// SPDX-License-Identifier: Apache-2.0

/// A macro of the MTA that the milter asks for.
enum Macro: CaseIterable, Sendable {
    /// The queue id; Postfix has none yet at MAIL and at the first RCPT.
    case queueID
    case daemonName, daemonPort, clientAddress
    /// The SASL login.
    case login
    case recipientMailer, recipientHost

    var name: StaticString {
        switch self {
        case .queueID: "i"
        case .daemonName: "{daemon_name}"
        case .daemonPort: "{daemon_port}"
        case .clientAddress: "{client_addr}"
        case .login: "{auth_authen}"
        case .recipientMailer: "{rcpt_mailer}"
        case .recipientHost: "{rcpt_host}"
        }
    }
}

/// What libmilter lets a callback do; good during that callback only.
protocol MilterContext {
    /// The macro's value; nil if the MTA did not give it.
    /// - Parameter known: what the value may well be: that text is then given back, and none is made.
    func symbol(_ macro: Macro, like known: String?) -> String?
    /// Sets what a deferring answer tells the client; the answer must follow at once.
    func setReply(_ reply: Reply)
    /// Puts the message on hold; at end of message only.
    /// - Returns: whether the MTA was told.
    func quarantine(_ reason: String) -> Bool
}

extension MilterContext {
    func symbol(_ macro: Macro) -> String? { symbol(macro, like: nil) }
}

/// What a callback answers.
enum Answer: Sendable, Hashable {
    /// Go on. Never libmilter's "accept", which would end the filtering of the whole message.
    case proceed
    /// This recipient or, at end of message, this message must wait.
    case `defer`
}
