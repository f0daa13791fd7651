// SPDX-License-Identifier: Apache-2.0
import Basics
import MailLog
import Testing

@Suite("A log line is split into time, program and message, whoever wrote it")
struct SyslogLineTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let line: String
        let time: String?
        let tag: String
        let pid: Int?
        var process = ""
        var host = "vm"
        var testDescription: String { line }
    }

    /// 2026-11-23T21:00:00Z, when the lines are read.
    static let now = UTCTime(secondsSinceEpoch: 1_795_467_600)

    static let forms: [Row] = [
        Row(
            line: "Nov 23 20:43:22 vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z", tag: "postfix/smtp",
            pid: 1538, process: "vm postfix/smtp[1538]"),
        Row(
            line: "Nov  3 20:43:22 vm postfix/smtp[1538]: text", time: "2026-11-03T20:43:22Z", tag: "postfix/smtp",
            pid: 1538),
        Row(
            line: "<22>Nov 23 20:43:22 vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z", tag: "postfix/smtp",
            pid: 1538),
        Row(
            line: "2026-11-23T20:43:20.861502+00:00 vm postfix/relay/smtp[7]: text", time: "2026-11-23T20:43:20Z",
            tag: "postfix/relay/smtp", pid: 7),
        Row(
            line: "2026-11-23T22:43:20+02:00 vm postfix/smtp[7]: text", time: "2026-11-23T20:43:20Z",
            tag: "postfix/smtp", pid: 7),
        Row(
            line: "2026-11-23T15:13:20-0530 vm postfix/smtp[7]: text", time: "2026-11-23T20:43:20Z",
            tag: "postfix/smtp", pid: 7),
        Row(
            line: "2026-11-23T20:43:20.1Z vm postfix/smtp[7]: text", time: "2026-11-23T20:43:20Z", tag: "postfix/smtp",
            pid: 7),
        Row(
            line: "2026-11-23T20:45:09.557591+0000 vm postfix/smtp[7]: text", time: "2026-11-23T20:45:09Z",
            tag: "postfix/smtp", pid: 7),
        Row(
            line: "Mon 2026-11-23 20:45:09 UTC vm postfix/smtp[7]: text", time: "2026-11-23T20:45:09Z",
            tag: "postfix/smtp", pid: 7),
        Row(
            line: "Mon 2026-11-23 17:45:09 -03 vm postfix/smtp[7]: text", time: "2026-11-23T20:45:09Z",
            tag: "postfix/smtp", pid: 7),
        Row(
            line: "1795466709.557591 vm postfix/smtp[7]: text", time: "2026-11-23T20:45:09Z", tag: "postfix/smtp",
            pid: 7),
        Row(
            line: "<22>1 2026-11-23T20:43:20.808196+00:00 vm postfix 1535 - -  text", time: "2026-11-23T20:43:20Z",
            tag: "postfix", pid: 1535, process: "vm postfix 1535"),
        Row(
            line: #"<22>1 2026-11-23T20:43:20Z vm postfix/smtp 15 ID [a b="\"] x"][c d="]"] text"#,
            time: "2026-11-23T20:43:20Z", tag: "postfix/smtp", pid: 15),
        Row(
            line: "<22>1 2026-11-23T20:43:20Z vm postfix - - - text", time: "2026-11-23T20:43:20Z", tag: "postfix",
            pid: nil),
        Row(line: "Nov 23 20:43:22 vm sm-mta: text", time: "2026-11-23T20:43:22Z", tag: "sm-mta", pid: nil),
        // Other stamps.
        Row(
            line: "Nov 23 20:43:22.861502 vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538, process: "vm postfix/smtp[1538]"),
        Row(
            line: "Nov  3 2026 20:43:22 vm postfix/smtp[1538]: text", time: "2026-11-03T20:43:22Z",
            tag: "postfix/smtp", pid: 1538),
        Row(
            line: "2025 Nov 23 20:43:22.5 vm postfix/smtp[1538]: text", time: "2025-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538),
        Row(
            line: "2026-11-23 20:43:22 vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538, process: "vm postfix/smtp[1538]"),
        Row(
            line: "2026-11-23 21:43:22.861+01:00 vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538),
        Row(
            line: "2026-11-23 21:43:22,861 +0100 vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538),
        Row(
            line: "2026/11/23 20:43:22 UTC vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538),
        Row(
            line: "Mon 2026-11-23 20:45:09.557591 UTC vm postfix@-.service[7]: text", time: "2026-11-23T20:45:09Z",
            tag: "postfix@-.service", pid: 7),
        // Other headers.
        Row(
            line: "<22>1 2026-11-23T20:43:20.808196+00:00 vm postfix-out 1535 - - \u{FEFF}text",
            time: "2026-11-23T20:43:20Z", tag: "postfix-out", pid: 1535, process: "vm postfix-out 1535"),
        Row(
            line: "1 2026-11-23T20:43:20.808196+00:00 vm mx-out 1535 - -  text", time: "2026-11-23T20:43:20Z",
            tag: "mx-out", pid: 1535, process: "vm mx-out 1535"),
        Row(
            line: "Nov 23 20:43:22 vm mail.info postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538, process: "postfix/smtp[1538]"),
        Row(
            line: "Nov 23 20:43:22 vm mail:warning sendmail[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "sendmail", pid: 1538, process: "sendmail[1538]"),
        Row(
            line: "Nov 23 20:43:22 <mail.info> vm sm-mta[1538]: text", time: "2026-11-23T20:43:22Z", tag: "sm-mta",
            pid: 1538, process: "vm sm-mta[1538]"),
        Row(
            line: "Nov 23 20:43:22 <2.6> vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538, process: "vm postfix/smtp[1538]"),
        Row(
            line: "Nov 23 20:43:22 postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z", tag: "postfix/smtp",
            pid: 1538, process: "postfix/smtp[1538]", host: ""),
        Row(
            line: "Nov 23 20:43:22 vm sendmail[1538]: [ID 801593 mail.info] text", time: "2026-11-23T20:43:22Z",
            tag: "sendmail", pid: 1538, process: "vm sendmail[1538]"),
        Row(
            line: "Nov 23 20:43:22 vm postfix/smtp[1538]: text\r", time: "2026-11-23T20:43:22Z", tag: "postfix/smtp",
            pid: 1538),
        Row(
            line: "\u{FEFF}Nov 23 20:43:22 vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538),
        // Containers.
        Row(
            line: "postfix-1  | Nov 23 20:43:22 vm postfix/smtp[1538]: text", time: "2026-11-23T20:43:22Z",
            tag: "postfix/smtp", pid: 1538, process: "vm postfix/smtp[1538]"),
        Row(
            line: "\u{1B}[36mmail_mta.1 |\u{1B}[0m Nov 23 20:43:22 vm postfix/smtp[1538]: text",
            time: "2026-11-23T20:43:22Z", tag: "postfix/smtp", pid: 1538),
        Row(
            line: "postfix-1  | 2026-11-23T20:43:22.861502123Z Nov 23 21:43:22 vm postfix/smtp[1538]: text",
            time: "2026-11-23T20:43:22Z", tag: "postfix/smtp", pid: 1538),
        Row(
            line: "2026-11-23T20:43:22.861502123Z stdout F Nov 23 21:43:22 vm postfix/smtp[1538]: text",
            time: "2026-11-23T20:43:22Z", tag: "postfix/smtp", pid: 1538),
        Row(
            line: "2026-11-23T20:43:22+00:00 localhost postfix[868]: Nov 23 21:43:22 vm postfix/smtp[531]: text",
            time: "2026-11-23T20:43:22Z", tag: "postfix/smtp", pid: 531, process: "vm postfix/smtp[531]"),
        Row(
            line: "Nov 23 20:43:22 h 4387585e3a11[868]: 2026-11-23T19:43:22+00:00 vm postfix/smtp[531]: text",
            time: "2026-11-23T20:43:22Z", tag: "postfix/smtp", pid: 531),
        Row(
            line: "Nov 23 20:43:22 h docker/mailserver-1/4387585e3a11[868]: Nov 23 20:43:22 vm postfix/smtp[531]: text",
            time: "2026-11-23T20:43:22Z", tag: "postfix/smtp", pid: 531),
        Row(
            line: "<30>1 2026-11-23T20:43:22Z h mailcow-postfix-1 868 - - Nov 23 21:43:22 vm postfix/smtp[531]: text",
            time: "2026-11-23T20:43:22Z", tag: "postfix/smtp", pid: 531),
        // Days that are none, in a stamp that looks like one.
        Row(line: "Nov 31 20:43:22 vm postfix/smtp[7]: text", time: nil, tag: "postfix/smtp", pid: 7),
        Row(line: "2026-02-29T20:43:20Z vm postfix/smtp[7]: text", time: nil, tag: "postfix/smtp", pid: 7),
        Row(line: "2026-11-23T25:43:20Z vm postfix/smtp[7]: text", time: nil, tag: "postfix/smtp", pid: 7),
        Row(line: "Foo 23 20:43:22 vm postfix/smtp[7]: text", time: nil, tag: "postfix/smtp", pid: 7),
        Row(line: "9999999999999999999999 vm postfix/smtp[7]: text", time: nil, tag: "postfix/smtp", pid: 7),
    ]

    @Test("each form is read", arguments: forms)
    func reads(_ row: Row) throws {
        try split(row.line) { line in
            let line = try #require(line)
            #expect(line.tag.text == row.tag)
            #expect(line.pid == row.pid)
            #expect(line.host.text == row.host)
            #expect(line.message.text == "text")
            if !row.process.isEmpty { #expect(line.process.text == row.process) }
            var clock = SyslogClock()
            #expect(clock.time(of: line, now: Self.now)?.description == row.time)
        }
    }

    @Test(
        "what is no log line is none",
        arguments: [
            "", " ", "postfix/smtp[1]: text", "Nov 23 20:43:22 vm", "Nov 23 20:43:22 vm ", "Nov 23 20:43:22 vm :",
            "Nov 23 20:43:22 vm postfix/smtp[1] text", "<22>1 2026-11-23T20:43:20Z vm postfix 1", "<22", "<22>1 ",
            "<22>1 2026-11-23T20:43:20Z vm postfix 1 - [a", "<mail.info> vm", "postfix-1  | ", "| Nov",
            "Nov 23 20:43:22 vm mail.nothing postfix/smtp[1]: text", "Nov 23 20:43:22.5x vm postfix/smtp[1]: text",
            "[12345.678901] vm postfix/smtp[1]: text", "a b | Nov 23 20:43:22 vm postfix/smtp[1]: text",
            String(repeating: "2026-11-23T20:43:22Z ", count: 9) + "Nov 23 20:43:22 vm postfix/smtp[1]: text",
            "Mon 2026-11-23 20:45:09", "2026", "1795466709.5 ",
        ])
    func refuses(_ text: String) { split(text) { #expect($0 == nil) } }

    @Test(
        "a program that quotes a log line is still itself",
        arguments: ["app", "postfix/smtpd", "postfix/cleanup", "4387585e3a1", "4387585e3a1g", "rspamd"])
    func quoted(_ tag: String) throws {
        try split("Nov 23 20:43:22 vm \(tag)[3]: Nov 23 20:43:22 vm postfix/smtp[1538]: text") { line in
            let line = try #require(line)
            #expect(line.tag.text == tag)
        }
    }

    @Test("a header within a header, a hundred times over, is read a few times only")
    func nested() throws {
        let header = "Nov 23 20:43:22 vm postfix[3]: "
        try split(String(repeating: header, count: 1000) + "text") { line in
            let line = try #require(line)
            #expect(line.message.text.hasPrefix(header) && line.tag.text == "postfix")
        }
    }

    @Test(
        "a stamp without a year is of the year that puts it last before the reading",
        arguments: [
            // read at, stamp, meant
            ("2026-11-23", "Nov 23 20:43:22", "2026-11-23T20:43:22Z"),
            ("2027-01-01", "Dec 31 23:59:59", "2026-12-31T23:59:59Z"),
            ("2026-12-31", "Jan  1 00:00:01", "2027-01-01T00:00:01Z"),
            ("2027-01-10", "Nov 23 20:43:22", "2026-11-23T20:43:22Z"),
            ("2026-11-20", "Nov 23 20:43:22", "2025-11-23T20:43:22Z"),
            ("2026-11-20", "Feb 29 20:43:22", "2024-02-29T20:43:22Z"),
        ])
    func year(_ day: String, _ stamp: String, _ meant: String) throws {
        let now = try #require(UTCDay(day)).start
        try split("\(stamp) vm a[1]: text") { line in
            let line = try #require(line)
            var clock = SyslogClock()
            #expect(clock.time(of: line, now: now)?.description == meant)
        }
    }

    @Test("no octets make the reader step outside them")
    func anything() {
        for row in Self.forms {
            let octets = Array(row.line.utf8)
            for length in octets.indices {
                for octet in [0, 0x20, 0x3A, 0x5B, 0x5D, 0xFF] as [UInt8] {
                    var changed = Array(octets[...length])
                    changed[length] = octet
                    changed.withUnsafeBytes { bytes in
                        var clock = SyslogClock()
                        if let line = SyslogLine(SyslogOctets(bytes)) {
                            _ = line.contained
                            _ = clock.time(of: line, now: Self.now)
                        }
                    }
                }
            }
        }
    }

    private func split<R>(_ text: String, _ body: (SyslogLine?) throws -> R) rethrows -> R {
        try Array(text.utf8).withUnsafeBytes {
            let line = SyslogLine(SyslogOctets($0))
            return try body(line?.contained ?? line)
        }
    }
}
