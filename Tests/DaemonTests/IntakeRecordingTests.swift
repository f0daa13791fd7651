// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import Logging
@testable import Settings
import Store
import Testing
import TestKit
@testable import Daemon

@Suite("A log that is recorded by hand counts as the daemon would count it")
struct IntakeRecordingTests {
    @Test("without the mail that carried our reports, and without relays known by their addresses")
    func exemptions() async throws {
        let directory = try TemporaryDirectory("sts-lab-record")
        let path = directory.path + "/test.sqlite"
        let store = try Store(path: path, logger: Logger(label: "test"))
        let settings = try Settings(
            SettingsFile(text: "store.path = \"\(path)\"\nnetwork.helo_name = \"mta.lab\"", name: "test"))
        let yesterday = SystemClock().now.day.advanced(by: -1)
        try await store.plan("mailto:reports@a.lab", for: "a.lab", on: yesterday)
        try directory.write(
            "mail.log",
            ["reports@a.lab, relay=mx.a.lab", "user@a.lab, relay=mx.a.lab", "user@b.lab, relay=192.0.2.1"].enumerated()
                .map { number, words in
                    let peer = words.split(separator: "=").last.map(String.init) ?? ""
                    let prefix = "2026-11-23T10:00:0\(number).000000+00:00 vm postfix/smtp[7]: "
                    let recipient = words.replacing(",", with: ">,")
                    return prefix + "Trusted TLS connection established to \(peer)[192.0.2.1]:25: TLSv1.3\n"
                        + prefix + "ABC\(number): to=<\(recipient)[192.0.2.1]:25, delay=1, delays=0/0/1/0, "
                        + "dsn=2.0.0, status=sent (250 ok)\n"
                }.joined())
        var reading = IntakeReading(.postfixLog, path: directory.path + "/mail.log", keepsSessions: true)
        var shown = 0
        try reading.read { _ in shown += 1 }
        #expect(shown == 3)
        let lines = try await reading.record(in: Workspace(settings, label: "test"), again: false)
        // Nobody answers here: what no policy names is not known to be an MX host.
        #expect(
            lines.map { $0.dropFirst(directory.path.count + "/mail.log: ".count) } == [
                "0 sessions recorded", "1 not counted, carried a report of ours",
                "1 not counted, to a server known by its address alone: a content filter or relay of the site's own",
                "1 not counted, to a server of which nobody knows whether it is an MX host: a lookup failed",
            ])
    }
}
