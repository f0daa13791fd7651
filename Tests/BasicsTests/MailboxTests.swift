// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing

@Suite("Mailbox: a mail address that is safe wherever it stands")
struct MailboxTests {
    static let addresses: [(String, String?)] = [
        ("tlsrpt@example.org", "example.org"), ("a.b+c@Example.ORG.", "example.org"),
        ("a.b+c=d@example.org", "example.org"), ("a@bücher.example", "xn--bcher-kva.example"),
        ("tlsrpt", nil), ("a", nil), ("@example.org", nil), ("a@", nil), ("tlsrpt@-x", nil), ("a@b@example.org", nil),
        (".a@example.org", nil), ("a..b@example.org", nil), ("a b@example.org", nil), ("\"a\"@example.org", nil),
        ("<a@example.org>", nil), ("a@example.org\r\n", nil), ("a\r\nX: y@example.org", nil),
        ("a\u{0}@example.org", nil), (String(repeating: "a", count: 65) + "@example.org", nil),
    ]

    @Test("addresses are dot-atoms at domains", arguments: addresses)
    func mailbox(_ text: String, _ domain: String?) {
        #expect(Mailbox(text)?.domain.ascii == domain)
    }
}
