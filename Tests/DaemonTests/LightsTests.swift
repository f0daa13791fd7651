// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Status
import Testing
@testable import Daemon

@Suite("Lights say what is not well, and what to do")
struct LightsTests {
    private static let now = Stamp(UTCTime(secondsSinceEpoch: 1_790_000_000))

    /// A daemon of which nothing is wrong.
    private static func report() -> StatusReport {
        StatusReport(
            version: "0.1.0", at: now, startedAt: ago(40 * 3600), isServing: true, enforcement: "auto",
            milter: Listener(socket: "inet:8890@127.0.0.1", connections: 1, lastHeard: now), policyMap: nil,
            dnssec: DNSSECReport(isValidated: true, text: "DNSSEC is validated"),
            store: StoreReport(path: "/var/lib/x", octets: 1 << 20, lastWrite: now, problem: nil))
    }

    private static func ago(_ seconds: Int64) -> Stamp { Stamp(now.time - .seconds(seconds)) }

    /// What is not well.
    private func troubles(_ report: StatusReport) -> [Light] {
        Lights(report, isAnchorWanted: true).all.filter { $0.state != .good }
    }

    @Test("where all is well, all lights are good")
    func well() { #expect(troubles(Self.report()).isEmpty) }

    @Test("a pause is one to look at, with its end and the command that ends it")
    func pause() {
        var report = Self.report()
        report.pausedUntil = Self.now
        let text = "PAUSED until \(Self.now): all mail goes, unprotected; sts-milter resume ends it"
        #expect(troubles(report) == [Light("pause", .warning, text)])
        report.lights = Lights(report, isAnchorWanted: true).all
        #expect(report.lines.filter { $0.contains("PAUSED") } == ["LOOK: \(text)"])
    }

    @Test("deliveries that nobody guards are bad, a map that is not asked is one to look at, and each is said once")
    func guarding() {
        let rows: [(MapUse.Statement.Gravity, Light.State, String)] = [
            (.asMeant, .good, ""), (.unasked, .warning, "LOOK: "), (.unguarded, .bad, "BAD: "),
        ]
        for (gravity, state, mark) in rows {
            let statements = [MapUse.Statement("the map guards", .asMeant), MapUse.Statement("word", gravity)]
            var report = Self.report()
            report.notes = statements.map(\.text)
            report.lights = Lights(report, isAnchorWanted: true, guarding: statements).all
            #expect(report.lights.first { $0.name == "deliveries" }?.state == state)
            #expect(report.lines.filter { $0.contains("word") } == [mark + "word"])
        }
        #expect(!Lights(Self.report(), isAnchorWanted: true).all.contains { $0.name == "deliveries" })
    }

    @Test("domains of one's own that have trouble are to be looked at, the first by their names")
    func own() throws {
        func light(_ troubles: [String: Int]) throws -> Light? {
            let own = try troubles.sorted { $0.key < $1.key }.map { name, count in
                OwnDomain(
                    domain: try DomainName(name), seenAt: Self.now.time,
                    troubles: Array(repeating: OwnTrouble(.host, "no TLS"), count: count), daysLeft: nil)
            }
            return Lights(Self.report(), isAnchorWanted: true, own: own).all.first { $0.name == "own domains" }
        }
        #expect(try light([:]) == nil)
        #expect(try light(["a.example": 0, "b.example": 0]) == Light("own domains", .good, "2 in order"))
        #expect(
            try light(["a.example": 0, "b.example": 2])
                == Light(
                    "own domains", .warning,
                    "1 domain of your own has trouble, to be mended as is said below: b.example"))
        let many = try light(["a.example": 1, "b.example": 1, "c.example": 1, "d.example": 1, "e.example": 1])
        #expect(
            many?.text
                == "5 domains of your own have trouble, to be mended as is said below: a.example, b.example, c.example and 2 more"
        )
    }

    @Test("what is not known of DNSSEC is not said to be validated")
    func untested() {
        let text = "whether DNSSEC is validated is not known yet: the resolver has not answered"
        #expect(DNSSECUse.untested.text == text)
        var report = Self.report()
        report.dnssec = DNSSECReport(isValidated: false, text: text)
        #expect(troubles(report) == [Light("DNSSEC", .warning, text)])
    }

    @Test("reports that were not made for a day are to be looked at, but not by a member of a fleet, which makes none")
    func reports() {
        var report = Self.report()
        report.reports.isDaily = true
        #expect(troubles(report).isEmpty)
        report.reports.lastRun = Self.ago(27 * 3600)
        #expect(troubles(report) == [Light("reports", .warning, "no day was finished for 27 h")])
        report.fleet = FleetReport()
        #expect(troubles(report).isEmpty)
    }

    @Test("a dry run is no fault")
    func dryRun() {
        var report = Self.report()
        report.isDryRun = true
        #expect(troubles(report).isEmpty && report.lines[1].hasPrefix("dry run: on_violation = \"log\""))
    }
}
