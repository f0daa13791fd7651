// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing

@Suite("The README shows what happens")
struct ReadmeScenarios {
    /// The lines of the first fenced block of a kind.
    private func block(_ kind: String) throws -> [String] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let start = try #require(text.range(of: "```\(kind)\n"))
        let end = try #require(text.range(of: "\n```", range: start.upperBound..<text.endIndex))
        return text[start.upperBound..<end.lowerBound].split(separator: "\n").map(masked)
    }

    /// Lines that go on in the next, which is indented, as one.
    private func joined(_ lines: [String]) -> [String] {
        lines.joined(separator: "\n").replacing("\n    ", with: " ").split(separator: "\n").map(String.init)
    }

    /// Times and addresses of the laboratory are others at each run.
    private func masked(_ line: some StringProtocol) -> String {
        String(line).replacing(/[0-9]{4}-[0-9-]+T[0-9:]+Z/, with: "TIME").replacing(
            /\[127\.[0-9.]+\]/, with: "[ADDRESS]")
    }

    @Test("a certificate that has expired: the reply, the line of the log, and check")
    func expired() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(67)
        let credential = try lab.network.authority.issue(names: ["mx.expired.lab"], validity: .expired)
        try lab.network.domain("expired.lab", credential: credential)

        let dialogue = try await lab.send(through: 67, to: "user@expired.lab")
        let reply = try #require(dialogue.reply(for: "user@expired.lab"))
        #expect(try joined(block("smtp")) == ["RCPT TO:<user@expired.lab>", masked(reply.description)])

        let line = try await daemon.waitForLog("verdict ", "policy_domain=expired.lab")
        let words = try #require(line.range(of: "verdict queue_id="))
        #expect(try joined(block("log")) == [masked(line[words.lowerBound...])])

        let check = try daemon.command("check", "expired.lab")
        #expect(check.status == 1)
        let said = check.output.split(separator: "\n").map(masked)
        #expect(try block("console") == ["$ sts-milter check expired.lab"] + said)
    }
}
