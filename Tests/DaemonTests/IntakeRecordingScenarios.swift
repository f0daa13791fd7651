// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import Logging
import Store
import Testing
import TestKit
@testable import Daemon

@Suite("A log that is recorded by hand counts as in a daemon that follows it")
struct IntakeRecordingScenarios {
    private static let suffix = "inrec.lab"

    @Test("policies that nobody has asked for yet, or that cannot be fetched; relays; reports of our own")
    func sameCounts() async throws {
        let directory = try TemporaryDirectory("sts-lab-record")
        let log = try directory.write("mail.log", "")
        let following = try await IntakeLab(
            gate: 74, suffix: Self.suffix, settings: "[intake]\npostfix_log = \"\(log)\"\n")
        let recording = try await IntakeLab(gate: 75, suffix: Self.suffix, settings: "")
        for lab in [following, recording] {
            try await planReport(in: lab.daemon.store)
            try await lab.daemon.start()
        }
        try makeDomains(following)
        try await Wait.until("the log is followed") { following.daemon.log.contains("follows a log") }
        try Data(Self.log().utf8).write(to: URL(fileURLWithPath: log))
        let expected = [
            "good sts 1/0", "testing sts 0/1 starttls-not-supported=1", "free no-policy-found 1/0",
            "foreign sts 0/1 validation-failure:mx-not-in-sts-policy=1",
            "nowhere sts 0/1 sts-policy-fetch-error:HTTP status 404 from mta-sts.nowhere.\(Self.suffix)=1",
        ]
        try await following.waitForCounts(expected)

        let recorded = try recording.daemon.command("intake", "--from", "postfix-log", "--record", log)
        #expect(recorded.status == 0 && recorded.errors.contains(": 5 sessions recorded"), "\(recorded)")
        #expect(
            recorded.errors.contains(
                ": 1 not counted, to a server that is no MX host of the recipient's domain: by a relayhost or transport\n"
            ),
            "\(recorded)")
        #expect(try recording.counted() == expected.sorted())
        let again = try recording.daemon.command("intake", "--from", "postfix-log", "--record", log)
        #expect(again.status != 0 && again.errors.contains("recorded before"), "\(again)")
        #expect(try recording.counted() == expected.sorted())
    }

    /// amavisd-new at its usual port, by address and by name, and a provider's relay.
    private static let filtered = """
        Nov 25 10:00:01 vm postfix/smtp[2001]: Verified TLS connection established to mx.host.example[127.0.10.1]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
        Nov 25 10:00:01 vm postfix/smtp[2001]: AA01: to=<u1@ok.example>, relay=mx.host.example[127.0.10.1]:25, delay=0.4, delays=0.1/0.01/0.2/0.09, dsn=2.0.0, status=sent (250 ok)
        Nov 25 10:00:02 vm postfix/smtp[2002]: AA02: to=<u1@ok.example>, relay=127.0.0.1[127.0.0.1]:10024, delay=0.4, delays=0.1/0.01/0.2/0.09, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as AA01)
        Nov 25 10:00:03 vm postfix/smtp[2003]: AA03: to=<u1@ok.example>, relay=localhost[127.0.0.1]:10024, delay=0.4, delays=0.1/0.01/0.2/0.09, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as AA01)
        Nov 25 10:00:04 vm postfix/smtp[2004]: Trusted TLS connection established to smart.isp.example[203.0.113.9]:587: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
        Nov 25 10:00:04 vm postfix/smtp[2004]: AA04: to=<u1@ok.example>, relay=smart.isp.example[203.0.113.9]:587, delay=0.4, delays=0.1/0.01/0.2/0.09, dsn=2.0.0, status=sent (250 ok)

        """

    @Test("a content filter and a relay are shown as sessions, and are no business of the recipient's domain")
    func contentFilter() async throws {
        let directory = try TemporaryDirectory("sts-lab-record")
        let log = try directory.write("mail.log", Self.filtered)
        // No daemon runs, whose bounds of time this day may be past.
        let lab = try await IntakeLab(gate: 76, suffix: "example", settings: "")
        try Store(path: lab.daemon.store, logger: Logger(label: "test")).close()
        lab.wantsReports("ok.example")
        lab.network.route("ok.example", to: ["mx.host.example"])
        try lab.network.publish("ok.example", mode: "enforce", mx: ["mx.host.example"])
        let recorded = try lab.daemon.command("intake", "--from", "postfix-log", "--record", log)
        #expect(recorded.status == 0, "\(recorded)")
        let shown = recorded.output.split(separator: "\n")
        #expect(
            shown.map { $0.drop { $0 != " " }.dropFirst() } == [
                "ok.example mx.host.example[127.0.10.1] success (verified) AA01",
                "ok.example -[127.0.0.1] plaintext AA02",
                "ok.example localhost[127.0.0.1] plaintext AA03",
                "ok.example smart.isp.example[203.0.113.9] success (trusted) AA04",
            ])
        let said = recorded.errors.split(separator: "\n").compactMap { line in
            // The others are of the log.
            line.hasPrefix("sts-milter: ") ? line.dropFirst("sts-milter: \(log): ".count) : nil
        }
        #expect(
            said == [
                "1 sessions recorded",
                "1 not counted, to a server known by its address alone: a content filter or relay of the site's own",
                "2 not counted, to a server that is no MX host of the recipient's domain: by a relayhost or transport",
            ])
        let day = try #require(shown.first?.prefix(10))
        #expect(day.hasSuffix("-11-25"))
        #expect(try lab.counted(on: String(day)) == ["ok sts 1/0"])
    }

    /// Before a daemon has the store, so that it knows of the report from its start.
    private func planReport(in path: String) async throws {
        let store = try Store(path: path, logger: Logger(label: "test"))
        try await store.plan(
            "mailto:reports@own.\(Self.suffix)", for: "own.\(Self.suffix)", on: SystemClock().now.day.advanced(by: -1))
        try store.close()
    }

    private func makeDomains(_ lab: IntakeLab) throws {
        try lab.domain("good")
        try lab.domain("testing", mode: "testing")
        for name in ["free", "relayed", "own", "nowhere"] { try lab.unpolicedDomain(name) }
        try lab.network.publish("nowhere.\(Self.suffix)", .status(404))
        lab.wantsReports("foreign.\(Self.suffix)")
        try lab.network.mailHost("mx.away.\(Self.suffix)")
        lab.network.route("foreign.\(Self.suffix)", to: ["mx.away.\(Self.suffix)"])
        try lab.network.publish("foreign.\(Self.suffix)", mode: "enforce", mx: ["mx.foreign.\(Self.suffix)"])
    }

    /// A delivery to each of the domains; one goes by a relay of the site's own.
    private static func log() -> String {
        let deliveries = [
            ("u@good", "mx.good", true), ("u@testing", "mx.testing", false), ("u@free", "mx.free", true),
            ("u@relayed", "relay", true), ("reports@own", "mx.own", true), ("u@nowhere", "mx.nowhere", true),
            ("u@foreign", "mx.away", true),
        ]
        let prefix = "\(SystemClock().now) mta postfix/smtp[7]: "
        return deliveries.enumerated().map { number, delivery in
            let (recipient, host, usesTLS) = delivery
            let peer = "\(host).\(suffix)[192.0.2.\(number + 1)]:25"
            let tls = "\(prefix)Verified TLS connection established to \(peer): TLSv1.3 with cipher X (256/256 bits)\n"
            return (usesTLS ? tls : "")
                + "\(prefix)ABC\(number): to=<\(recipient).\(suffix)>, relay=\(peer), delay=1, delays=0/0/1/0, "
                + "dsn=2.0.0, status=sent (250 ok)\n"
        }.joined()
    }
}
