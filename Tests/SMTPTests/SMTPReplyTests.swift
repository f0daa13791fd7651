// SPDX-License-Identifier: Apache-2.0
@testable import SMTP
import Testing

@Suite("A line of a reply is read or refused")
struct SMTPReplyTests {
    @Test(
        "Lines with a code are read",
        arguments: [
            ("220 hello", 220, true, "hello"), ("250-A B", 250, false, "A B"), ("250", 250, true, ""),
            ("250 ", 250, true, ""),
        ])
    func good(_ line: String, _ code: Int, _ isLast: Bool, _ text: String) throws {
        let part = try #require(SMTPReply.parse(Array(line.utf8)))
        #expect(part == (code, isLast, text))
    }

    @Test(
        "Others are refused",
        arguments: ["", "2", "22", "999 x", "199 x", "22a x", "220x", "HTTP/1.1 400", "+20 x", " 220 x"])
    func bad(_ line: String) { #expect(SMTPReply.parse(Array(line.utf8)) == nil) }

    @Test("An extension is offered by its whole keyword below the first line")
    func keyword() {
        let reply = SMTPReply(code: 250, lines: ["STARTTLS", "SIZE 100", "starttls", "AUTH=LOGIN"])
        #expect(reply.offers("STARTTLS") && reply.offers("SIZE") && reply.offers("AUTH"))
        // However many lines stand before it.
        #expect(SMTPReply.keeps("STARTTLS", behind: SMTPReply.keptLines))
        #expect(!SMTPReply.keeps("SIZE", behind: SMTPReply.keptLines))
        #expect(!SMTPReply(code: 250, lines: ["STARTTLS", "STARTTLSX", "X STARTTLS"]).offers("STARTTLS"))
    }
}
