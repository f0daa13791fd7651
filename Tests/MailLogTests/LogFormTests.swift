// SPDX-License-Identifier: Apache-2.0
import Core
import Foundation
import MailLog
import Testing

@Suite("The same session is read in whatever form the line comes, and what cannot be read is said")
struct LogFormTests {
    static let verified =
        "Trusted TLS connection established to mx1.receiver.example[198.51.100.5]:25: TLSv1.3 with cipher "
        + "TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange x25519 server-signature RSA-PSS (2048 bits) "
        + "server-digest SHA256"
    static let delivered =
        "3068EFB8093: to=<u1@receiver.example>, relay=mx1.receiver.example[198.51.100.5]:25, delay=0.4, "
        + "delays=0.1/0.01/0.2/0.09, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4F1)"

    /// What stands before a message of Postfix.
    static let headers: [String] = [
        "Nov 23 20:43:22 vm postfix/smtp[1538]: ", "Nov 23 20:43:22 vm postfix-out/smtp[1538]: ",
        "2026-11-23T20:43:22.861502+00:00 vm postfix/smtp[1538]: ",
        "<22>1 2026-11-23T20:43:20.808196+00:00 vm postfix 1538 - - ",
        "<22>1 2026-11-23T20:43:20.808196+00:00 vm postfix-out 1538 - - ",
        "<22>1 2026-11-23T20:43:20.808196+00:00 vm mx-out 1538 - -  ",
        "<22>1 2026-11-23T20:43:20.808196+00:00 vm postfix/smtp 1538 - - \u{FEFF}",
        "Nov 23 20:43:22 vm mail.info postfix/smtp[1538]: ", "Nov 23 20:43:22 <mail.info> vm postfix/smtp[1538]: ",
        "Nov 23 20:43:22.861502 vm postfix/smtp[1538]: ", "Nov 23 20:43:22 postfix/smtp[1538]: ",
        "2026 Nov 23 20:43:22 vm postfix/smtp[1538]: ", "2026-11-23 20:43:22 vm postfix/smtp[1538]: ",
        "postfix-1  | Nov 23 20:43:22 vm postfix/smtp[1538]: ",
        "2026-11-23T20:43:22.861502123Z Nov 23 20:43:22 vm postfix/smtp[1538]: ",
        "2026-11-23T20:43:22+00:00 localhost postfix[868]: Nov 23 20:43:22 4387585e3a11 postfix/smtp[531]: ",
        "Mon 2026-11-23 20:45:09 UTC vm postfix@-.service[1538]: ",
    ]

    @Test("Postfix", arguments: headers)
    func postfix(_ header: String) {
        var reader = PostfixLogReader()
        let log = "\(header)\(Self.verified)\n\(header)\(Self.delivered)\n"
        let sessions = PostfixLogs.sessions(Array(log.utf8), &reader)
        #expect(
            sessions.map { "\($0.domain?.ascii ?? "") \($0.host?.ascii ?? "")" } == [
                "receiver.example mx1.receiver.example"
            ])
        #expect(sessions.map(\.result) == [.trusted])
        let unread = reader.takeUnread()
        #expect(unread == nil)
    }

    @Test(
        "Sendmail, by whatever name",
        arguments: [
            "Nov 23 20:43:22 vm sm-mta[1538]: ", "Nov 23 20:43:22 vm sm-que[1538]: ",
            "Nov 23 20:43:22 vm sm-mta-runq[1538]: ", "Nov 23 20:43:22 vm out-queue[1538]: ",
            "<22>1 2026-11-23T20:43:20Z vm mx-out 1538 - - ", "Nov 23 20:43:22 <mail.info> vm sm-mta[1538]: ",
            "2026-11-23T20:43:22Z h sendmail-1[868]: Nov 23 20:43:22 4387585e3a11 sm-mta[531]: ",
        ])
    func sendmail(_ header: String) throws {
        let log =
            "\(header)STARTTLS=client, relay=mx1.receiver.example., version=TLSv1.3, verify=OK, cipher=X, bits=256/256\n"
            + "\(header)6ANKhM1001538: to=<u1@receiver.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, "
            + "pri=120345, relay=mx1.receiver.example. [198.51.100.5], dsn=2.0.0, stat=Sent (ok queued)\n"
        #expect(
            try SendmailLog(text: log).sessions().map(SendmailLog.summary) == [
                "receiver.example mx1.receiver.example 198.51.100.5 trusted"
            ])
    }

    @Test(
        "a line of Postfix that cannot be read is said, with the first of its kind and nobody's address",
        arguments: [
            "[12345.678901] vm postfix/smtp[1538]: " + delivered, delivered,
            #"{"log":"Nov 23 20:43:22 vm postfix/smtp[1538]: \#(verified)\n","stream":"stdout"}"#,
            "Nov 23 20:43:22 vm postfix/smtp: " + delivered, "Nov 31 20:43:22 vm postfix/smtp[1]: " + delivered,
            "Nov 23 20:43:22 vm mx-out[1538]: " + delivered, "Nov 23 20:43:22 vm mx-out[1538]: " + verified,
            "Nov 23 20:43:22 vm mx[3]: Nov 23 20:43:22 h postfix/smtp[1538]: " + delivered,
            "Nov 23 20:43:22 vm postfix/smtp[1]: 3068EFB8093: to=<u1@receiver.example>, relay=mx1.receiver.exam",
            "Nov 23 20:43:22 vm postfix/smtp[1]: Trusted TLS connection established to ",
            "Nov 23 20:43:22 vm postfix/smtp[1]: SSL_connect error to x",
            "Nov 23 20:43:22 vm postfix/smtp[1]: server certificate verification failed for mx.example: x",
            "Nov 23 20:43:22 vm postfix/smtp[1]: TLSRPT: status=failure, domain=x",
            "Nov 23 20:43:22 vm postfix/smtp[1]: 3068EFB8093: to=<\u{1B}[2J\u{FF}@receiver.example>\r",
        ])
    func unread(_ line: String) throws {
        var reader = PostfixLogReader()
        let log = Array((line + "\n" + line + "\n").utf8)
        #expect(PostfixLogs.sessions(log, &reader).isEmpty)
        let taken = reader.takeUnread()
        let unread = try #require(taken)
        #expect(unread.count == 2)
        #expect(unread.sample.hasPrefix(String(line.prefix(10))))
        #expect(unread.sample.utf8.count <= 403 && unread.sample.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(!unread.sample.contains("u1@") && !unread.sample.contains("2J"))
        let more = reader.takeUnread()
        #expect(more == nil)
    }

    @Test("so is one of Sendmail")
    func unreadSendmail() throws {
        let to =
            "6ANKhM1001538: to=<u1@receiver.example>, delay=0, mailer=esmtp, pri=1, relay=mx. [192.0.2.1], dsn=2.0.0"
        for line in [
            "[1.5] vm sm-mta[1]: \(to), stat=Sent", "Nov 23 20:43:22 vm sm-mta[1]: \(to.dropLast(11))",
            "Nov 23 20:43:22 vm sm-mta: \(to), stat=Sent",
        ] {
            var reader = SendmailLogReader()
            var sessions: [ObservedSession] = []
            Array("\(line)\n".utf8).withUnsafeBytes { reader.read($0, now: SendmailLog.now, into: &sessions) }
            #expect(sessions.isEmpty)
            let unread = reader.takeUnread()
            #expect(unread?.count == 1, "\(line)")
        }
    }

    @Test("what has nothing to do with sessions is nothing to speak of")
    func silent() throws {
        var postfix = PostfixLogReader()
        var sendmail = SendmailLogReader()
        var sessions: [ObservedSession] = []
        let foreign = Array(
            """
            Nov 23 20:43:22 vm sshd[3]: Accepted publickey for root
            Nov 23 20:43:22 vm kernel: [ 12.5] text
            Nov 23 20:43:22 vm app[3]: Nov 23 20:43:22 text
            <22>1 2026-11-23T20:43:20Z vm app 3 - - 3068EFB8093: to=<u>
            garbage

            """.utf8)
        for file in try PostfixLogs.files(in: "postfix-3.7") {
            let log = try PostfixLogs.octets("postfix-3.7/\(file)") + foreign
            log.withUnsafeBytes {
                postfix.read($0, now: PostfixLogs.now, into: &sessions)
                sendmail.read($0, now: PostfixLogs.now, into: &sessions)
            }
            let unread = [postfix.takeUnread(), sendmail.takeUnread()]
            #expect(unread == [nil, nil], "\(file)")
        }
        for file in try SendmailLog.files() {
            let log = try SendmailLog(file: file).octets
            log.withUnsafeBytes {
                postfix.read($0, now: PostfixLogs.now, into: &sessions)
                sendmail.read($0, now: PostfixLogs.now, into: &sessions)
            }
            let unread = [postfix.takeUnread(), sendmail.takeUnread()]
            #expect(unread == [nil, nil], "\(file)")
        }
    }
}
