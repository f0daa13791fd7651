// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Status
import Testing

@Suite("The status says what is held, why, and what to do")
struct StatusTextTests {
    private let now = Stamp(UTCTime(secondsSinceEpoch: 1_790_000_000))

    private func ago(_ seconds: Int64) -> Stamp { Stamp(now.time - .seconds(seconds)) }

    private func report() -> StatusReport {
        StatusReport(
            version: "0.1.0", at: now, startedAt: ago(4000), isServing: true, enforcement: "milter",
            milter: Listener(socket: "inet:8890@127.0.0.1", connections: 1, lastHeard: ago(3)), policyMap: nil,
            dnssec: DNSSECReport(isValidated: true, text: "DNSSEC is validated"),
            store: StoreReport(path: "/var/lib/x", octets: 3 << 20, lastWrite: ago(7), problem: nil))
    }

    private func held(_ number: Int, host: String? = "mx.bad.example") -> HeldDomain {
        HeldDomain(
            domain: "bad\(number).example", host: host, resultType: "certificate-expired",
            reason: "certificate expired on 2026-01-02T00:00:00Z", since: ago(7300), lastTry: ago(60), messages: 3,
            deliveries: 2, whatToDo: "tell the postmaster")
    }

    @Test("nothing is wrong: no line says so")
    func calm() {
        let lines = report().lines
        #expect(lines.first == "sts-milter 0.1.0, milter at inet:8890@127.0.0.1, 1 connection")
        #expect(lines.contains("mail held now: none"))
        #expect(lines.contains("store /var/lib/x, 3 MiB, written 7 s ago"))
        #expect(!lines.contains { $0.hasPrefix("LOOK") || $0.hasPrefix("BAD") })
    }

    @Test("a check says the gravest in one line, with an exit code")
    func check() {
        var report = report()
        let rows: [([Light], Int32, String)] = [
            (
                [Light("daemon", .good, "x")], 0,
                "sts-milter OK: the milter at inet:8890@127.0.0.1 answers, 0 policies in memory"
            ),
            ([Light("a", .good, "x"), Light("b", .warning, "see to b")], 1, "sts-milter LOOK: see to b"),
            (
                [Light("b", .warning, "see to b"), Light("c", .bad, "c fails")], 2,
                "sts-milter BAD: c fails (and 1 more)"
            ),
        ]
        for (lights, code, line) in rows {
            report.lights = lights
            #expect(report.check == (code, line))
        }
    }

    @Test("a table of held mail: columns stand below each other, and each domain has a reason and a cure")
    func table() throws {
        var report = report()
        report.held = [held(1), held(22, host: nil)]
        let lines = report.lines
        let start = try #require(lines.firstIndex(of: "mail held now: 2 domains"))
        #expect(lines[start + 1] == "  DOMAIN         HOST            SINCE    LAST TRY  MESSAGES  DELIVERIES")
        #expect(lines[start + 2] == "  bad1.example   mx.bad.example  2 h ago  60 s ago  3         2")
        #expect(lines[start + 3] == "    why: certificate-expired: certificate expired on 2026-01-02T00:00:00Z")
        #expect(lines[start + 4] == "    do: tell the postmaster")
        #expect(lines[start + 5] == "  bad22.example  -               2 h ago  60 s ago  3         2")
    }

    @Test("of a long list the first are shown, and how many more there are")
    func long() {
        var report = report()
        report.held = (0..<30).map { held($0) }
        report.heldMore = 5
        #expect(report.lines.contains("mail held now: 35 domains"))
        #expect(report.lines.contains("  and 15 more domains: status --json"))
        #expect(report.lines.filter { $0.hasPrefix("    do: ") }.count == 20)
    }

    @Test("lights that are not good come second, what is good is not repeated")
    func lights() {
        var report = report()
        report.lights = [
            Light("a", .good, "fine"), Light("b", .warning, "look here"), Light("c", .bad, "broken"),
        ]
        #expect(report.lines[1...2] == ["LOOK: look here", "BAD: broken"])
        #expect(!report.lines.contains { $0.contains("fine") })
    }

    @Test("what a light says is said once")
    func once() {
        var report = report()
        let problem = "DNSSEC is not validated"
        report.dnssec = DNSSECReport(isValidated: false, text: problem)
        report.lights = [Light("DNSSEC", .warning, problem)]
        #expect(report.lines.filter { $0.contains(problem) } == ["LOOK: \(problem)"])
        report.lights = []
        #expect(report.lines.filter { $0.contains(problem) } == [problem])
    }

    @Test("JSON comes back as it was, with times as RFC 3339 has them")
    func json() throws {
        var report = report()
        report.held = [held(1)]
        report.intake = [IntakeSource(.postfixLog, at: "/var/log/mail.log")]
        let data = try JSONEncoder().encode(report)
        #expect(String(decoding: data, as: UTF8.self).contains("\"at\":\"2026-09-21T14:13:20Z\""))
        #expect(try JSONDecoder().decode(StatusReport.self, from: data) == report)
    }

    @Test(
        "ages in one unit",
        arguments: [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 d")]
            as [(Int64, String)])
    func ages(_ seconds: Int64, _ text: String) { #expect(span(seconds) == text) }
}
