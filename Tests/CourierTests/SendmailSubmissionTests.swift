// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
@testable import Mail
import Reporting
import TestKit
import TLSRPT
import Testing
@testable import Courier

@Suite("Report mail by a sendmail command: its end decides", .serialized)
struct SendmailSubmissionTests {
    /// A command of our own in the place of sendmail.
    private struct Program {
        let files: TemporaryDirectory
        let path: String
        let consent: Consent

        init(_ script: String, consent: Bool = true) throws {
            files = try TemporaryDirectory("sts-command")
            path = try files.write("sendmail", "#!/bin/sh\ncd '\(files.path)'\n\(script)\n", mode: 0o755)
            self.consent = Consent(consent)
        }

        func submit(
            _ message: String = "Subject: x\r\n\r\n.\r\nlast\r\n", timeout: Duration = .seconds(20),
            sender: Mailbox? = Mailbox("-f@sender.lab")
        ) async throws -> SendResult {
            let recipient = try #require(Mailbox("-oQ/tmp@two.lab"))
            let outgoing = OutgoingMail(sender: sender, recipient: recipient, message: Array(message.utf8))
            return await SendmailSubmission(path: path, timeout: timeout).prepare(outgoing).result(consent.ask)
        }

        func read(_ name: String) -> String? {
            FileManager.default.contents(atPath: files.path + "/" + name).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test("it gets the message with its own line ends, and arguments that are never options")
    func accepted() async throws {
        let program = try Program("printf '%s\\n' \"$@\" >arguments; env >environment; cat >message")
        #expect(try await program.submit() == .accepted("taken by \(program.path)"))
        #expect(program.read("message") == "Subject: x\n\n.\nlast\n")
        #expect(program.read("arguments") == "-i\n-odb\n-f\n-f@sender.lab\n--\n-oQ/tmp@two.lab\n")
        #expect(program.read("environment")?.contains("HOME=") == false)
        #expect(program.consent.count == 1)
        _ = try await program.submit(sender: nil)
        #expect(program.read("arguments") == "-i\n-odb\n-f\n<>\n--\n-oQ/tmp@two.lab\n")
    }

    static let endings: [(String, SendResult)] = [
        ("cat >/dev/null; echo 'no\u{1B}[1m such user' >&2; exit 67", .refused("PATH: exit 67: no\\x1B[1m such user")),
        ("cat >/dev/null; exit 68", .refused("PATH: exit 68")), ("cat >/dev/null; exit 65", .refused("PATH: exit 65")),
        ("cat >/dev/null; exit 64", .deferred("PATH: exit 64", after: nil)),
        ("cat >/dev/null; echo later; exit 75", .deferred("PATH: exit 75: later", after: nil)),
        ("cat >/dev/null; exit 78", .deferred("PATH: exit 78", after: nil)),
        ("cat >/dev/null; exit 1", .deferred("PATH: exit 1", after: nil)),
        ("cat >/dev/null; kill -9 $$", .uncertain("PATH: ended by signal 9")),
    ]

    @Test("each end has its meaning", arguments: endings.indices)
    func ending(_ index: Int) async throws {
        let (script, expected) = Self.endings[index]
        let program = try Program(script)
        #expect("\(try await program.submit())" == "\(expected)".replacing("PATH", with: program.path))
    }

    @Test("a command that takes a part only has not taken it")
    func part() async throws {
        let large = String(repeating: "line of a report\r\n", count: 100_000)
        let deaf = try Program("echo 'disk full'; exit 0")
        let expected = "\(deaf.path) ended before it had the whole message: disk full"
        #expect(try await deaf.submit(large) == .deferred(expected, after: nil))
        let failing = try Program("head -c 10 >/dev/null; exit 75")
        #expect(try await failing.submit(large) == .deferred("\(failing.path): exit 75", after: nil))
        #expect(deaf.consent.count == 0 && failing.consent.count == 0)
    }

    @Test("a command that talks without end, while it reads and after, is heard no longer than it matters")
    func talkative() async throws {
        let program = try Program("yes | head -c 3000000 >&2; cat >message; yes | head -c 3000000; exit 70")
        guard case .deferred(let text, after: nil) = try await program.submit() else { throw LabError("not deferred") }
        #expect(text.hasPrefix("\(program.path): exit 70: y y y") && text.utf8.count < 400)
    }

    @Test("a command that hangs is ended with its children")
    func hanging() async throws {
        let whole = try Program("cat >/dev/null; sleep 1000 & echo $! >child; wait")
        let result = try await whole.submit(timeout: .milliseconds(500))
        #expect(result == .uncertain("\(whole.path): no end within the time allowed"))
        let child = try #require(pid_t(whole.read("child")?.dropLast() ?? ""))
        try await Wait.until("child ended") { kill(child, 0) != 0 || isDead(child) }
        let part = try Program("sleep 1000")
        let large = String(repeating: "line of a report\r\n", count: 100_000)
        let early = try await part.submit(large, timeout: .milliseconds(300))
        #expect(early == .deferred("\(part.path): no end within the time allowed", after: nil))
    }

    @Test("a command that ends while the report is marked never had the whole")
    func endedEarly() async throws {
        let program = try Program("head -c 10 >/dev/null; kill -9 $$")
        let recipient = try #require(Mailbox("a@two.lab"))
        let outgoing = OutgoingMail(sender: nil, recipient: recipient, message: Array("Subject: x\r\n\r\nx".utf8))
        let step = await SendmailSubmission(path: program.path, timeout: .seconds(20)).prepare(outgoing)
        let result = await step.result {
            // Nobody has the other end of the pipe any more.
            try? await Task.sleep(for: .milliseconds(500))
            return true
        }
        #expect(result == .deferred("\(program.path): ended by signal 9", after: nil))
    }

    @Test("without consent it is ended before it sees the end of the message")
    func withdrawn() async throws {
        let program = try Program("cat >message; touch whole", consent: false)
        #expect(try await program.submit() == .withdrawn)
        #expect(program.read("whole") == nil)
    }

    @Test("a command that is not there says so")
    func missing() async throws {
        let outgoing = OutgoingMail(sender: nil, recipient: try #require(Mailbox("a@two.lab")), message: [])
        let result = await SendmailSubmission(path: "/nonexistent", timeout: .seconds(1)).prepare(outgoing).result {
            true
        }
        #expect(result == .deferred("cannot run /nonexistent: No such file or directory", after: nil))
    }

    private func isDead(_ process: pid_t) -> Bool {
        guard let state = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return true }
        return String(decoding: state, as: UTF8.self).contains(") Z ")
    }
}
