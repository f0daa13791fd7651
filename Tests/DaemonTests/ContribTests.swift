// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing

@testable import Daemon

@Suite("What contrib says is what check-mta wants")
struct ContribTests {
    /// Settings as the files in contrib tell to write them.
    private static let settings = """
        enforcement = "milter+policy-map"
        [policy_map]
        socket = "inet:8461@127.0.0.1"

        """

    private static func contrib(_ name: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try String(
            contentsOf: root.deletingLastPathComponent().appendingPathComponent("contrib/\(name)"), encoding: .utf8)
    }

    private func check(_ arguments: String..., settings: String) throws -> Command.Result {
        let directory = try TemporaryDirectory("sts-lab-contrib")
        let file = try directory.write("sts-milter.toml", settings)
        return try Command.run([try DaemonProcess.program(), "check-mta"] + arguments + ["--config", file])
    }

    @Test("the lines for Postfix, of each version", arguments: [false, true])
    func postfix(_ isDebian13: Bool) async throws {
        guard !isDebian13 || Postfix.hasDebian13 else { return }
        var options = Postfix.Options()
        options.root = isDebian13 ? Postfix.debian13 : nil
        options.settings = try ["main", isDebian13 ? "policy-map-3.10" : "policy-map-3.4"].map {
            try Self.contrib("postfix/\($0).cf.snippet")
        }.flatMap { $0.split(separator: "\n").map(String.init) }.filter { !$0.hasPrefix("#") }
        let postfix = try Postfix(address: isDebian13 ? "127.20.0.38" : "127.20.0.37", options: options)
        defer { postfix.stop() }
        let result = try check(
            "postfix", "--config-dir", postfix.configuration, "--postconf", try postfix.program("postconf"),
            settings: Self.settings)
        #expect(result.status == 0, "\(result)")
        #expect(result.output.hasSuffix(": nothing is missing\n"), "\(result)")
        // The milter alone, as in the settings' defaults, is contradicted by the map.
        let alone = try check(
            "postfix", "--config-dir", postfix.configuration, "--postconf", try postfix.program("postconf"),
            settings: "[policy_map]\nsocket = \"inet:8461@127.0.0.1\"\n")
        #expect(alone.status == 1 && alone.output.contains("problem (enforcement)"), "\(alone)")
    }

    @Test("the lines for Sendmail", .enabled(if: Sendmail.isPrepared))
    func sendmail() async throws {
        var options = Sendmail.Options()
        options.definitions = try ["sts-milter", "sts-milter-map"].map { try Self.contrib("sendmail/\($0).m4") }
        let sendmail = try Sendmail(address: "127.20.7.4", options: options)
        defer { sendmail.stop() }
        let result = try check("sendmail", "--cf", sendmail.configuration, settings: Self.settings)
        #expect(result.status == 0, "\(result)")
        // Debian 12's Sendmail does not know the option DANE: the lines leave it out.
        #expect(result.output.contains(": nothing is missing; see the advice\n"), "\(result)")
        #expect(result.output.contains("advice (dane)"), "\(result)")
    }
}
