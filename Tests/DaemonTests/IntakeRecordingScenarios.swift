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
        #expect(try recording.counted() == expected.sorted())
        let again = try recording.daemon.command("intake", "--from", "postfix-log", "--record", log)
        #expect(again.status != 0 && again.errors.contains("recorded before"), "\(again)")
        #expect(try recording.counted() == expected.sorted())
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
