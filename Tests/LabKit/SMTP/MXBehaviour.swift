// SPDX-License-Identifier: Apache-2.0

/// What an ``MXServer`` does wrong on purpose. Several faults may hold at once.
package enum MXFault: Sendable, Hashable {
    /// Greets with 421 and closes.
    case greet421
    /// Accepts the connection and never greets.
    case stallGreeting
    /// Greets with one octet an interval (milliseconds) and never ends the line: a tarpit.
    case drip(everyMilliseconds: Int64)
    /// Closes the connection in place of a greeting.
    case dropGreeting
    /// Sends greeting lines without end.
    case endlessGreeting
    /// Answers EHLO with 502, HELO with 250.
    case noEHLO
    /// Never answers EHLO.
    case stallEHLO
    /// Offers STARTTLS and answers it with this code, such as 454 or 501.
    case refuseStartTLS(Int)
    /// Says 220 to STARTTLS and goes on with octets that are no TLS.
    case garbageAfterStartTLS
    /// Says 220 to STARTTLS and closes.
    case dropAfterStartTLS
    /// Says 220 to STARTTLS and never sends another octet.
    case stallAfterStartTLS
    /// Sends a plain reply right behind the 220 to STARTTLS, as an attacker on the path would.
    case injectAfterStartTLS
    /// Ends the handshake with an alert unless the client names a host (SNI).
    case requireSNI
    /// Answers 550 to every RCPT.
    case rejectRecipients
    /// Answers 450 to every RCPT.
    case deferRecipients
    /// Answers every RCPT with this code and text, such as `550 5.7.1 no relay`.
    case answerRecipients(String)
    /// Answers the end of a message with this code and text, and does not keep it.
    case answerMessages(String)
    /// Keeps a message and closes in place of an answer.
    case dropAfterMessage
}

/// How an ``MXServer`` presents itself; every part may change while it runs and counts for the next connection.
package struct MXBehaviour: Sendable {
    /// Stands in the greeting and the EHLO reply.
    package var hostName: String
    /// What the TLS handshake shows; nil leaves STARTTLS out of the EHLO reply.
    package var credential: Credential?
    /// What is shown to a client that names such a host (SNI), lower case; ``credential`` is for all others.
    package var credentialsByName: [String: Credential] = [:]
    /// Whether the EHLO reply offers STARTTLS, given there is a credential.
    package var offersStartTLS = true
    /// Whether TLS comes before the greeting, as on port 465.
    package var beginsWithTLS = false
    package var faults: Set<MXFault> = []
    /// What it does so as to be taken for something else; see ``MXAttack``.
    package var attacks: Set<MXAttack> = []
    package var minimumTLSVersion: TLSVersion = .tlsv1
    package var maximumTLSVersion: TLSVersion = .tlsv13
    /// Exchanges keys in a Diffie-Hellman group of 1024 bits and in no other way: ends TLS 1.3, and needs an RSA key.
    package var hasSmallGroup = false
    /// More lines of the EHLO reply, such as `REQUIRETLS`.
    package var extensions: [String] = ["8BITMIME", "PIPELINING", "SMTPUTF8"]

    package init(hostName: String, credential: Credential? = nil, faults: Set<MXFault> = []) {
        self.hostName = hostName
        self.credential = credential
        self.faults = faults
    }

    var announcesStartTLS: Bool { offersStartTLS && credential != nil }
}

/// A message that an ``MXServer`` accepted.
package struct ReceivedMessage: Sendable {
    /// The argument of MAIL FROM without its brackets.
    package let sender: String
    /// The arguments of RCPT TO without their brackets.
    package let recipients: [String]
    /// Header and body with CRLF line ends, dots unstuffed.
    package let text: String
    package let overTLS: Bool
    /// The name that the client gave in the TLS handshake.
    package let serverName: String?
    /// What the client called itself in EHLO.
    package let clientName: String
    /// The whole MAIL FROM command with its parameters, such as REQUIRETLS.
    package let mailCommand: String
}
