// SPDX-License-Identifier: Apache-2.0
import Names

/// A message with all its line ends CRLF, ASCII throughout. - RFC 5322 §2.1: General Description.
struct MailMessage: Sendable {
    struct Field: Sendable, Hashable {
        let name: String
        /// Folded where it is long: a line end is CRLF and a blank.
        let value: String

        var text: String { "\(name): \(value)\r\n" }
    }

    var fields: [Field]
    let body: [UInt8]

    var bytes: [UInt8] { Array(fields.map(\.text).joined().utf8) + Array("\r\n".utf8) + body }
}

/// A message and its envelope.
struct Letter: Sendable {
    /// Nil is the null sender.
    let sender: Mailbox?
    let recipient: Mailbox
    let message: [UInt8]

    /// The sender as it stands in a command.
    var senderText: String { sender?.description ?? "" }
}
