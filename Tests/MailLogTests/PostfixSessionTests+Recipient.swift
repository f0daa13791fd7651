// SPDX-License-Identifier: Apache-2.0
import Foundation
import MailLog
import Testing

/// Delivery lines that cannot be read, and recipients in every form.
extension PostfixSessionTests {
    /// Deliveries that cannot be read, here cut short.
    static let unreadable: [Row] = [
        Row(
            what: "its session is not the next delivery's",
            log: [good(mx1), "A1: to=<x", good(mx2), delivery("B2", mx2, to: "u@b.test")],
            outcome: "mx2.a.test → success"),
        Row(
            what: "nor that of a delivery to the same server",
            log: [good(mx1, "Untrusted"), "A1: to=<x", good(mx1), delivery("B2", mx1)],
            outcome: "mx1.a.test → success"),
        Row(
            what: "nor that of a delivery without a server",
            log: [
                good(mx1), "A1: to=<x",
                delivery("B2", "none", "deferred (connect to mx2.a.test[192.0.2.2]:25: Connection refused)"),
            ], outcome: "—"),
        Row(
            what: "nor is a connection that it leaves open",
            log: [good(mx1), "A1: to=<x", delivery("B2", mx1, more: "conn_use=2, ")], outcome: "—"),
        Row(
            what: "the other recipients of the same delivery have it once",
            log: [
                good(mx1), "A1: to=<x", delivery("A1", mx1), "A1: to=<x", delivery("A1", mx1, to: "v@a.test"),
                "A1: to=<x",
            ], outcome: "mx1.a.test → success"),
        Row(
            what: "so have those that another server took",
            log: [good(mx1), "A1: to=<x", good(mx2), delivery("A1", mx2)],
            outcome: "mx1.a.test → success; mx2.a.test → success"),
        Row(
            what: "a failure before it is not the next delivery's",
            log: [
                "SSL_connect error to \(mx1): -1", "A1: Cannot start TLS: handshake failure", "A1: to=<x",
                good(mx2), delivery("B2", mx2),
            ], outcome: "mx2.a.test → success"),
        Row(
            what: "a line about TLS that cannot be read makes no session without TLS",
            log: [
                "Trusted TLS connection established to mx1.a.tes", delivery("A1", mx1),
                delivery("A1", mx1, to: "v@a.test"), delivery("B2", mx2),
            ], outcome: "mx2.a.test → plaintext"),
    ]

    @Test("a delivery that cannot be read closes its session for nobody else", arguments: unreadable)
    func unread(_ row: Row) throws {
        let log = Self.text(row.log)
        #expect(PostfixLogs.outcome(PostfixLogs.sessions(log)) == row.outcome)
        // The same with the state written down behind each line.
        var reader = PostfixLogReader()
        var sessions = PostfixLogs.sessions([], &reader)
        for line in log.split(separator: "\n") {
            sessions += PostfixLogs.sessions(Array("\(line)\n".utf8), &reader)
            reader = try JSONDecoder().decode(PostfixLogReader.self, from: JSONEncoder().encode(reader))
        }
        #expect(PostfixLogs.outcome(sessions) == row.outcome)
    }

    @Test("a recipient in internal form, which Postfix 3.4 knows alone, and the next delivery have a session each")
    func internalForm() {
        let log = """
            Nov 23 20:43:22 vm postfix/smtp[1538]: Trusted TLS connection established to mx1.first.example[198.51.100.5]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
            Nov 23 20:43:22 vm postfix/smtp[1538]: AA01: to=<a>b@first.example>, relay=mx1.first.example[198.51.100.5]:25, delay=0.2, delays=0.1/0/0.1/0, dsn=2.0.0, status=sent (250 ok)
            Nov 23 20:50:22 vm postfix/smtp[1538]: Trusted TLS connection established to mx1.second.example[198.51.100.6]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
            Nov 23 20:50:22 vm postfix/smtp[1538]: BB01: to=<u@second.example>, relay=mx1.second.example[198.51.100.6]:25, delay=0.2, delays=0.1/0/0.1/0, dsn=2.0.0, status=sent (250 ok)

            """
        let lines = PostfixLogs.sessions(log).map { session in
            "\(session.domain?.ascii ?? "-") \(session.host?.ascii ?? "-") \(session.result) \(session.queueID ?? "-")"
        }
        #expect(
            lines == [
                "first.example mx1.first.example trusted AA01", "second.example mx1.second.example trusted BB01",
            ])
    }

    @Test(
        "a recipient is read in whatever form Postfix writes it (info_log_address_format)",
        arguments: [
            (#""a b"@c.test"#, "c.test"), ("a b@c.test", "c.test"), (#"a\@b@c.test"#, "c.test"),
            ("a>b@c.test", "c.test"), ("a>, b@c.test", "c.test"), (#""a>b"@c.test"#, "c.test"),
            ("@a.test,@b.test:u@c.test", "c.test"), ("ü@bücher.test", "xn--bcher-kva.test"),
            (#""a@c.test"#, "c.test"), (#"a"b@c.test"#, "c.test"), (#""a" <b>"@c.test"#, "c.test"),
            (#""a\"b>, relay=x"@c.test"#, "c.test"), ("a>, relay=b@c.test", "c.test"),
        ])
    func recipient(_ written: String, _ domain: String) {
        for original in ["", "orig_to=<\(written)>, ", "orig_to=<root>, "] {
            let line = Self.delivery("A1", Self.mx1, to: written).replacing(
                ">, relay=mx1", with: ">, \(original)relay=mx1")
            var reader = PostfixLogReader()
            let sessions = PostfixLogs.sessions(Array(Self.text([Self.good(Self.mx1), line]).utf8), &reader)
            #expect(sessions.map(\.domain?.ascii) == [domain], "\(line)")
            #expect(sessions.map(\.result) == [.verified])
            let unread = reader.takeUnread()
            #expect(unread == nil)
        }
    }
}
