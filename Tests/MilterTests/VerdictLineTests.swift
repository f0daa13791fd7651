// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import EventLog
import Logging
import TLSRPT
import Testing
@testable import Milter

@Suite("The line of a verdict")
struct VerdictLineTests {
    private static let domain = try? DomainName("p.lab")
    private static let hostile = "a \"b\" c=d\u{1B}[31m\\ é \\x1B"

    private static let verdicts: [Verdict] = {
        guard let domain else { return [] }
        let failure = Failure(.certificateExpired, text: hostile)
        let finding = HostFinding(host: domain.child("mx"), failures: [failure, failure])
        let noHost = HostFinding(host: nil, failures: [])
        return [
            .notJudged("null MX"), .notJudged(""), .noPolicy(nil),
            .noPolicy(PolicyFailure(.stsPolicyFetchError, String(repeating: "x y", count: 100))), .modeNone,
            .conforming(.enforce), .conforming(.testing), .testing([]), .testing([finding]), .testing([noHost]),
            .violating(Violation(policyDomain: domain, findings: [finding])),
            .violating(Violation(policyDomain: domain, findings: [finding], requirement: .dane)),
            .unknown(hostile), .unproven(Doubt(hostile)), .unproven(Doubt("\u{0}", of: .dane)),
            .provenLately(String(repeating: "\u{7}", count: 200)),
        ]
    }()

    /// The same fields by way of the logger, as any other line is made.
    private func metadata(_ line: VerdictLine, _ queueID: String?, withLocalPart: Bool) -> Logger.Metadata {
        var fields: [String: String?] = [
            "queue_id": queueID.map { printable($0, limit: 40) } ?? "NOQUEUE",
            "recipient_domain": line.recipient.domain?.ascii ?? "-", "action": line.decision.rawValue,
            "verdict": line.verdict.word.rawValue, "policy_domain": line.hops.first?.policyDomain?.ascii,
            "recipient_local": withLocalPart ? printable(line.recipient.local, limit: 80) : nil,
        ]
        func add(_ requirement: Requirement) {
            switch requirement {
            case .policy: fields["mode"] = "enforce"
            case .dane: fields["dane"] = "always"
            }
        }
        func add(_ finding: HostFinding?) {
            fields["host"] = finding?.host?.ascii
            fields["result_type"] = finding?.failures.first?.type.rawValue
            fields["why"] = (finding?.failures.first?.text).map { printable($0) }
        }
        switch line.verdict {
        case .notJudged(let why), .unknown(let why): fields["why"] = printable(why)
        case .noPolicy(let failure):
            fields["result_type"] = failure?.type.rawValue
            fields["why"] = (failure?.text).map { printable($0) }
        case .modeNone: fields["mode"] = "none"
        case .conforming(let mode): fields["mode"] = mode.rawValue
        case .testing(let findings):
            fields["mode"] = "testing"
            add(findings.first)
        case .violating(let violation):
            fields["policy_domain"] = violation.policyDomain.ascii
            add(violation.requirement)
            add(violation.findings.first)
        case .unproven(let doubt):
            add(doubt.requirement)
            fields["why"] = printable(doubt.text)
        case .provenLately(let why):
            fields["mode"] = "enforce"
            fields["why"] = printable(why)
        }
        return fields.compactMapValues { $0 }.mapValues { .string($0) }
    }

    @Test("has the fields, the order and the escapes of every line", arguments: [Logger.Level.info, .debug])
    func form(_ level: Logger.Level) throws {
        let log = try WrittenLog(level)
        var verdictLog = VerdictLog(sink: log.sink)
        let addresses = ["<a@r.lab>", "<\"x y=\u{1}\"@r.lab>", "<\(String(repeating: "é\\", count: 60))@r.lab>", "<x>"]
        let domain = try #require(Self.domain)
        var count = 0
        for verdict in Self.verdicts {
            for address in addresses {
                for queueID in [nil, "4B1", "", "4B1\u{1B}[31m \"=\\", String(repeating: "Q", count: 41)] {
                    let line = VerdictLine(
                        recipient: EnvelopeAddress(address), hops: count % 3 == 0 ? [] : [.mx(of: domain, port: 25)],
                        judgement: Judgement(verdict), decision: .leaveToMap)
                    verdictLog.write(line, queueID: queueID, at: .info, waits: false)
                    log.logger.info("verdict", metadata: metadata(line, queueID, withLocalPart: level == .debug))
                    count += 1
                }
            }
        }
        let lines = log.lines
        #expect(lines.count == 2 * count && count == 320)
        for number in stride(from: 0, to: lines.count - 1, by: 2) { #expect(lines[number] == lines[number + 1]) }
    }

    @Test("respects the level in force")
    func level() throws {
        let log = try WrittenLog(.warning)
        var verdictLog = VerdictLog(sink: log.sink)
        let line = VerdictLine(
            recipient: EnvelopeAddress("<a@r.lab>"), hops: [], judgement: Judgement(.modeNone), decision: .deliver)
        verdictLog.write(line, queueID: "1", at: .info, waits: false)
        verdictLog.write(line, queueID: nil, at: .info, waits: true)
        verdictLog.writeWaiting(queueID: "1")
        #expect(log.lines.isEmpty)
        log.sink.apply(level: .info, target: .stderr)
        verdictLog.write(line, queueID: "2", at: .info, waits: false)
        verdictLog.write(line, queueID: "2", at: .debug, waits: false)
        #expect(
            log.lines == ["info: verdict queue_id=2 recipient_domain=r.lab verdict=no-policy action=deliver mode=none"])
    }

    @Test("does not wait for a queue id without bound, and keeps its order")
    func bound() throws {
        let log = try WrittenLog(.info)
        var verdictLog = VerdictLog(sink: log.sink)
        for number in 0..<1500 {
            let line = VerdictLine(
                recipient: EnvelopeAddress("<a@r\(number).lab>"), hops: [], judgement: Judgement(.modeNone),
                decision: .deliver)
            verdictLog.write(line, queueID: nil, at: .info, waits: true)
        }
        verdictLog.writeWaiting(queueID: "4B1")
        let lines = log.lines
        for (number, line) in lines.enumerated() { #expect(line.contains(" recipient_domain=r\(number).lab ")) }
        #expect(lines.count == 1500)
        let unnamed = lines.prefix { $0.contains("queue_id=NOQUEUE") }.count
        #expect(unnamed > 500 && unnamed < 1500)
        #expect(lines.dropFirst(unnamed).allSatisfy { $0.contains("queue_id=4B1 ") })
    }
}
