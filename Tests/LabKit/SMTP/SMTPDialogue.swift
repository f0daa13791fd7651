// SPDX-License-Identifier: Apache-2.0

/// One reply of an SMTP server. - RFC 5321 §4.2: SMTP Replies.
package struct SMTPReply: Sendable, Equatable, CustomStringConvertible {
    package let code: Int
    /// The text of each line, without the code.
    package let lines: [String]

    /// The lines as one text.
    package var text: String { lines.joined(separator: "\n") }

    /// The enhanced status code that the text begins with, such as `4.7.5`. - RFC 2034 §4: Enhanced status codes.
    package var enhancedCode: String? {
        guard let word = lines.first?.split(separator: " ").first else { return nil }
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && parts.allSatisfy { Int($0) != nil } ? String(word) : nil
    }

    package var isPositive: Bool { (200..<400).contains(code) }
    package var isTemporary: Bool { (400..<500).contains(code) }

    package var description: String { "\(code) \(text)" }
}

/// What a server replied to one message.
package struct SMTPDialogue: Sendable {
    package struct Recipient: Sendable {
        package let address: String
        package let reply: SMTPReply
    }

    package let mail: SMTPReply
    /// In the order of the recipients; empty if the sender was refused.
    package let recipients: [Recipient]
    /// To the end of the message; nil if no recipient was accepted.
    package let data: SMTPReply?

    /// The reply to the RCPT of this address.
    package func reply(for address: String) -> SMTPReply? { recipients.first { $0.address == address }?.reply }

    /// The queue id, as Postfix (`Ok: queued as ...`) or Sendmail (`... Message accepted`) tells it.
    package var queueID: String? {
        guard let words = data?.text.split(separator: " ").map(String.init), data?.isPositive == true else {
            return nil
        }
        if let at = words.lastIndex(of: "as"), words.indices.contains(at + 1) { return words[at + 1] }
        return words.count > 2 && words[2] == "Message" ? words[1] : nil
    }
}
