// SPDX-License-Identifier: Apache-2.0
import Basics

/// A message with all its line ends CRLF, ASCII throughout. - RFC 5322 §2.1: General Description.
package struct MailMessage: Sendable {
    package struct Field: Sendable, Hashable {
        package let name: String
        /// Folded where it is long: a line end is CRLF and a blank.
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }

        var text: String { "\(name): \(value)\r\n" }
    }

    package var fields: [Field]
    package let body: [UInt8]

    package init(fields: [Field], body: [UInt8]) {
        self.fields = fields
        self.body = body
    }

    package var bytes: [UInt8] { Array(fields.map(\.text).joined().utf8) + Array("\r\n".utf8) + body }
}

/// A message and its envelope.
package struct OutgoingMail: Sendable {
    /// Nil is the null sender.
    package let sender: Mailbox?
    package let recipient: Mailbox
    package let message: [UInt8]

    package init(sender: Mailbox?, recipient: Mailbox, message: [UInt8]) {
        self.sender = sender
        self.recipient = recipient
        self.message = message
    }

    /// The sender as it stands in a command.
    package var senderText: String { sender?.description ?? "" }
}
