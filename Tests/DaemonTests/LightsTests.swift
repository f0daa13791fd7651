// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
@testable import Settings
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

    @Test("a store that cannot be read is not called one that cannot be written")
    func unreadStore() {
        var report = Self.report()
        report.store = StoreReport(
            path: "/var/lib/x", octets: 1, lastWrite: Self.now, problem: nil, readProblem: "disk I/O error")
        #expect(troubles(report).map(\.text) == ["the store cannot be read: disk I/O error"])
    }

    @Test("where all is well, all lights are good")
    func well() { #expect(troubles(Self.report()).isEmpty) }

    @Test("all names are those that metrics have as labels")
    func names() {
        var report = Self.report()
        report.pausedUntil = Self.now
        report.waitingForRestart = ["store.path"]
        report.silentResolver = Status.SilentResolver(name: "dns.forwarder", seconds: 100)
        report.fleet = FleetReport()
        let names = Lights(report, isAnchorWanted: true).all.map(\.name)
        #expect(names.count > 11 && Set(names).isSubset(of: Light.names))
    }

    @Test("DNSSEC that nobody knows of yet, or wants, is not said to fail")
    func dnssec() {
        let all: [(DNSSECUse, Bool?)] = [
            (.validated, true), (.withoutAnchor, false), (.stripped("x"), false), (.unwanted, nil), (.untested, nil),
        ]
        for (use, isWorking) in all { #expect(use.isWorking == isWorking, "\(use)") }
    }

    @Test("a pause is one to look at, with its end and the command that ends it")
    func pause() {
        var report = Self.report()
        report.pausedUntil = Self.now
        let text = "PAUSED until \(Self.now): all mail goes, unprotected; sts-milter resume ends it"
        #expect(troubles(report) == [Light("pause", .warning, text)])
        report.lights = Lights(report, isAnchorWanted: true).all
        #expect(report.lines.filter { $0.contains("PAUSED") } == ["LOOK: \(text)"])
    }

    @Test("settings that were not taken, or wait for a restart, are to be looked at")
    func settings() {
        var report = Self.report()
        report.waitingForRestart = ["store.path", "control.socket"]
        #expect(
            troubles(report) == [Light("settings", .warning, "a restart is needed for store.path, control.socket")])
        report.reloadProblem = "a.toml:3: milter.soket: unknown key"
        let text =
            "the last reload took no settings (a.toml:3: milter.soket: unknown key): sts-milter config check"
        #expect(troubles(report) == [Light("settings", .warning, text)])
    }

    @Test("what a reload did is told until the next one")
    func reloads() throws {
        let inForce = SettingsInForce(Settings())
        #expect(inForce.lastReload.succeeded && inForce.lastReload.waiting.isEmpty)
        let error = try #require(throws: SettingsError.self) {
            try Settings(SettingsFile(text: "a = 1\nb = 2", name: "t.toml"))
        }
        inForce.noteFailure(error)
        #expect(
            inForce.lastReload.failure
                == "t.toml:1: a: unknown key; remove it, or see the example file for all keys and 1 more")
        inForce.take(Settings(), waiting: ["store.path"])
        #expect(inForce.lastReload.succeeded && inForce.lastReload.waiting == ["store.path"])
    }

    @Test("a resolver that answers nothing for over a minute is bad, by its name")
    func resolver() {
        var report = Self.report()
        report.silentResolver = Status.SilentResolver(name: "dns.forwarder 127.0.0.1@53", seconds: 59)
        #expect(troubles(report).isEmpty)
        report.silentResolver = Status.SilentResolver(name: "dns.forwarder 127.0.0.1@53", seconds: 240)
        #expect(
            troubles(report) == [
                Light(
                    "resolver", .bad,
                    "the resolver has answered nothing for 4 min (dns.forwarder 127.0.0.1@53): see that it runs and can be reached, or name another in dns.forwarder"
                )
            ])
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
