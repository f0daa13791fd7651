// SPDX-License-Identifier: Apache-2.0
import Core
import Foundation
import Testing
@testable import MailLog

@Suite("Sendmail's log tells how each session went")
struct SendmailLogTests {
    @Test("every case of the laboratory gives its outcome", arguments: SendmailCases.all)
    func cases(_ name: String, expected: [String]) throws {
        #expect(try SendmailLog(file: name).sessions().map(SendmailLog.summary) == expected)
    }

    @Test("no file of the laboratory is left out")
    func complete() throws {
        #expect(Set(SendmailCases.all.map(\.file)) == Set(try SendmailLog.files()))
    }

    @Test("read in two pieces with the state written down between them, a log gives the same sessions")
    func splits() throws {
        for file in try SendmailLog.files() where !file.hasPrefix("sts14") || file.contains("02") {
            let log = try SendmailLog(file: file)
            let whole = try log.sessions()
            for place in log.lineStarts { #expect(try log.sessions(splitAt: place) == whole) }
        }
    }

    @Test("cut at any octet, a log gives no session that the whole has not")
    func truncation() throws {
        for file in ["sts/20-secure-two-mx-first-bad.log", "sts/29-secure-many-rcpts.log"] {
            let log = try SendmailLog(file: file)
            let whole = Set(try log.sessions())
            for length in 0..<log.octets.count {
                let cut = SendmailLog(octets: log.octets.prefix(length) + [UInt8(ascii: "\n")])
                #expect(try cut.sessions().count <= whole.count)
            }
        }
    }

    @Test(
        "several recipients, messages over one connection, and domains of one server",
        arguments: SendmailCases.joined + SendmailCases.longNames + SendmailCases.ownSide)
    func joining(_ what: String, lines: [String], expected: [String]) throws {
        #expect(try SendmailLog(messages: lines).sessions().map(SendmailLog.summary) == expected)
    }

    @Test("each word of verify= and arg1= has its meaning", arguments: SendmailCases.words)
    func words(_ word: String, sent: String?, refused: String?) throws {
        let delivery = "A1: to=u@a.example, delay=0, mailer=esmtp, relay=mx.a.example. [192.0.2.1], dsn=2.0.0, stat="
        let tls = "STARTTLS=client, relay=mx.a.example., version=TLSv1.3, verify=\(word), cipher=X, bits=256/256"
        let rule = "ruleset=tls_server, arg1=\(word), relay=mx.a.example, reject=403 4.7.0 words"
        #expect(
            try SendmailLog(messages: [tls, delivery + "Sent"]).sessions().map(SendmailLog.result)
                == [sent].compactMap { $0 })
        #expect(
            try SendmailLog(messages: [rule, delivery.replacingOccurrences(of: "2.0.0", with: "4.7.0") + "Deferred"])
                .sessions().map(SendmailLog.result) == [refused].compactMap { $0 })
    }

    @Test("lines that imitate others count for nothing", arguments: SendmailCases.hostile)
    func hostile(_ line: String) throws {
        #expect(try SendmailLog(messages: [line]).sessions().isEmpty)
    }

    @Test("other programs, local mailers and lines without a process are passed over")
    func strangers() throws {
        let message = "A1: to=u@a.example, delay=0, mailer=esmtp, relay=mx.a.example. [192.0.2.1], dsn=2.0.0, stat=Sent"
        for tag in ["sendmail[1]", "sm-mta[2]", "sm-msp-queue[3]", "sm-que[4]", "sm-mta-runq[5]", "any-L-tag[6]"] {
            #expect(try SendmailLog(text: "Nov 23 20:40:45 vm \(tag): \(message)\n").sessions().count == 1)
        }
        for tag in ["postfix/smtp[1]", "sendmail", "sendmail[x]", "sendmail[-1]"] {
            #expect(try SendmailLog(text: "Nov 23 20:40:45 vm \(tag): \(message)\n").sessions().isEmpty)
        }
        for mailer in ["local", "prog", "*file*", "cyrusv2", "uucp"] {
            let other = message.replacingOccurrences(of: "mailer=esmtp", with: "mailer=\(mailer)")
            #expect(try SendmailLog(messages: [other]).sessions().isEmpty)
        }
    }

    @Test("a mailer of the site's own counts if it is named, also behind a restart")
    func ownMailer() throws {
        let message =
            "A1: to=u@a.example, delay=0, mailer=mx-out, relay=mx.a.example. [192.0.2.1], dsn=2.0.0, stat=Sent"
        let log = SendmailLog(messages: [message])
        #expect(try log.sessions().isEmpty)
        var reader = SendmailLogReader()
        reader.settings.mailers = ["mx-out"]
        var found: [ObservedSession] = []
        log.octets.withUnsafeBytes { reader.read($0, now: SendmailLog.now, into: &found) }
        #expect(found.map(SendmailLog.summary) == ["a.example mx.a.example 192.0.2.1 plaintext"])
    }

    @Test("binary lines, endless lines and two thousand processes leave the state small")
    func bounded() throws {
        var reader = SendmailLogReader()
        var text =
            Array("Nov 23 20:40:45 vm sendmail[1]: STARTTLS=client, relay=".utf8)
            + [UInt8](repeating: 0xFF, count: 1 << 20)
        text.append(UInt8(ascii: "\n"))
        for pid in 0..<2000 {
            let relay = String(repeating: "r", count: 3000)
            text +=
                "Nov 23 20:40:45 vm sendmail[\(pid)]: STARTTLS: TLS cert verify: depth=0 /CN=x, state=0, reason=\(relay)\n"
                .utf8
            text +=
                "Nov 23 20:40:45 vm sendmail[\(pid)]: STARTTLS=client, relay=\(relay), version=1, verify=FAIL, cipher=\n"
                .utf8
        }
        for _ in 0..<1000 {
            text += "Nov 23 20:40:45 vm sendmail[5]: ruleset=tls_server, arg1=NONE, relay=mx.example, reject=403\n".utf8
        }
        var sessions: [ObservedSession] = []
        text.withUnsafeBytes { reader.read($0, now: SendmailLog.now, into: &sessions) }
        let state = try JSONEncoder().encode(reader)
        #expect(state.count < 1 << 20)
    }

    @Test("a log that says too little is told of once, with the setting that cures it")
    func remarks() throws {
        let plain = "A1: to=u@a.example, delay=0, mailer=esmtp, relay=mx.a.example. [192.0.2.1], dsn=2.0.0, stat=Sent"
        var reader = SendmailLogReader()
        var sessions: [ObservedSession] = []
        func read(_ message: String, pid: Int) {
            Array("Nov 23 20:40:45 vm sm-mta[\(pid)]: \(message)\n".utf8).withUnsafeBytes {
                reader.read($0, now: SendmailLog.now, into: &sessions)
            }
        }
        for pid in 0..<4 { read(plain, pid: pid) }
        #expect(reader.takeRemarks().isEmpty)
        read(plain, pid: 5)
        #expect(reader.takeRemarks().map { $0.contains("set LogLevel to 9 or more") } == [true])
        read("ruleset=tls_server, arg1=FAIL, relay=mx.a.example, reject=403 4.7.0 authentication failed", pid: 6)
        read(plain.replacingOccurrences(of: "dsn=2.0.0, stat=Sent", with: "dsn=4.7.0, stat=Deferred"), pid: 6)
        reader = try JSONDecoder().decode(SendmailLogReader.self, from: JSONEncoder().encode(reader))
        #expect(reader.takeRemarks().map { $0.contains("set LogLevel to 14") } == [true])
        read(plain, pid: 7)
        #expect(reader.takeRemarks().isEmpty)
    }
}
