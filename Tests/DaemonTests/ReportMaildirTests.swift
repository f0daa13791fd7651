// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Logging
import Settings
import Store
import TestKit
import Testing
@testable import Daemon

@Suite("TLS reports are taken from a Maildir: each once, whatever else lies in it")
struct ReportMaildirTests {
    private let directory: TemporaryDirectory
    private let store: Store
    private let log = CapturedLog()
    private let reports: ReportMaildir

    init() throws {
        directory = try TemporaryDirectory("sts-maildir")
        for folder in ["tmp", "new", "cur"] { _ = try directory.makeDirectory("mail/" + folder) }
        let file = try directory.write("settings.toml", "[report]\nmaildir = \"\(directory.path)/mail\"\n")
        store = try Store(path: directory.path + "/store.sqlite", logger: log.logger)
        reports = ReportMaildir(
            settings: SettingsInForce(try Settings(path: file)), store: store, clock: SystemClock(),
            logger: log.logger)
    }

    private func mail(_ id: String, failures: Int = 2, by organization: String = "Sender Inc.") -> String {
        let day = SystemClock().now.day
        let report = """
            {"organization-name": "\(organization)", "contact-info": "tls@sender.example", "report-id": "\(id)",
            "date-range": {"start-datetime": "\(day.start)", "end-datetime": "\(day.end)"},
            "policies": [{"policy": {"policy-type": "sts", "policy-domain": "rm.example"},
            "summary": {"total-successful-session-count": 10, "total-failure-session-count": \(failures)}}]}
            """
        return """
            From: tls@sender.example
            Subject: Report Domain: rm.example
            MIME-Version: 1.0
            Content-Type: application/tlsrpt+json
            Content-Transfer-Encoding: base64

            \(Data(report.utf8).base64EncodedString(options: [.lineLength76Characters]))

            """
    }

    private func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path + "/mail/" + folder).sorted()
    }

    private func received() async throws -> [ReceivedDomain] {
        let today = SystemClock().now.day
        return try await store.received(from: today.advanced(by: -1), through: today.advanced(by: 1))
    }

    @Test("a mail is stored and moved as seen; one that comes again is known; what is no report is said once")
    func taken() async throws {
        try directory.write("mail/new/1.a.host", mail("1"))
        try directory.write("mail/new/2.a.host:2,", mail("2", failures: 0))
        try directory.write("mail/new/3.a.host", "From: a@b.example\nSubject: hello\n\nno report\n")
        try directory.write("mail/new/.hidden", mail("9"))
        #expect(await reports.look() == .init(mails: 3, stored: 2, known: 0, refused: 1))
        #expect(try names("new") == [".hidden"])
        #expect(try names("cur") == ["1.a.host:2,S", "2.a.host:2,S", "3.a.host:2,S"])
        let domain = try #require(try await received().first)
        #expect(domain.successes == 20 && domain.failures == 2 && domain.reporters.first?.reports == 2)
        #expect(log.lines.count { $0.contains("holds something else than reports") } == 1, "\(log.lines)")
        try directory.write("mail/new/4.a.host", mail("1"))
        #expect(await reports.look() == .init(mails: 1, stored: 0, known: 1, refused: 0))
        #expect(await reports.look() == .init())
        #expect(log.lines.count { $0.contains("holds something else than reports") } == 1)
        #expect(try await received().first?.failures == 2)
    }

    @Test("links, pipes, directories and what is too large are not read, and hostile names and texts are escaped")
    func hostile() async throws {
        let new = directory.path + "/mail/new/"
        let outside = try directory.write("outside", mail("outside"))
        try FileManager.default.createSymbolicLink(atPath: new + "link", withDestinationPath: outside)
        #expect(mkfifo(new + "pipe", 0o600) == 0)
        _ = try directory.makeDirectory("mail/new/folder")
        let large = try directory.write("mail/new/large", "")
        #expect(truncate(large, off_t(17 << 20)) == 0)
        try directory.write("mail/new/\u{1B}[31m", mail("\\u001b[2J", by: "\\u001b]0;x\\u0007"))
        let look = try #require(await reports.look())
        #expect(look.stored == 1 && look.refused == 4, "\(look) \(log.lines)")
        #expect(try names("new").isEmpty)
        for line in log.lines { #expect(line.utf8.allSatisfy { (0x20..<0x7F).contains($0) }, "\(line)") }
    }

    @Test("mails that cannot be moved are not looked at again and again")
    func immovable() async throws {
        try FileManager.default.removeItem(atPath: directory.path + "/mail/cur")
        for number in 0..<105 { try directory.write("mail/new/\(number)", "nothing\n") }
        let look = try #require(await reports.look())
        #expect(look.mails == 100 && !look.isCut)
        #expect(log.lines.contains { $0.contains("cannot be moved to cur") }, "\(log.lines)")
    }

    @Test("a look is bounded in mails, and the next takes the rest")
    func bounded() async throws {
        for number in 0..<105 { try directory.write("mail/new/\(number)", "nothing\n") }
        let first = try #require(await reports.look())
        #expect(first.mails == 100 && first.isCut)
        #expect(log.lines.count { $0.contains("holds something else than reports") } == 10)
        #expect(try #require(await reports.look()).mails == 5)
        #expect(try names("cur").count == 105)
    }

    @Test("a mail that cannot be moved is taken once, and no Maildir is said once")
    func unusable() async throws {
        try directory.write("mail/new/1", mail("1"))
        try FileManager.default.removeItem(atPath: directory.path + "/mail/cur")
        #expect(await reports.look()?.stored == 1)
        #expect(await reports.look() == .init())
        #expect(log.lines.count { $0.contains("cannot be taken from report.maildir") } == 1, "\(log.lines)")
        try FileManager.default.removeItem(atPath: directory.path + "/mail")
        #expect(await reports.look() == nil)
        #expect(await reports.look() == nil)
        #expect(log.lines.count { $0.contains("cannot be taken from report.maildir") } == 2)
    }

    @Test("while the store cannot be written a mail waits in its place")
    func storeGone() async throws {
        try directory.write("mail/new/1", mail("1"))
        try store.close()
        #expect(await reports.look()?.mails == 0)
        #expect(try names("new") == ["1"])
    }
}
