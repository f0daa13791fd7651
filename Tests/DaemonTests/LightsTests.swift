// SPDX-License-Identifier: Apache-2.0
import Basics
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

    @Test("a dry run is no fault")
    func dryRun() {
        var report = Self.report()
        report.isDryRun = true
        #expect(troubles(report).isEmpty && report.lines[1].hasPrefix("dry run: on_violation = \"log\""))
    }
}
