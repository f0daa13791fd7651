// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit
import Testing

@Suite("With a policy map alone, sessions count for whom they concern, and under what decided about them")
struct AttributionScenarios {
    private struct Site {
        let lab: IntakeLab
        let postfix: Postfix

        /// Sends a message and waits until its recipient was tried.
        func deliver(_ recipient: String, until status: String = "status=sent") async throws {
            let dialogue = try await postfix.send(to: [recipient])
            #expect(dialogue.data?.isPositive == true, "\(dialogue)")
            try await Wait.until("delivery to \(recipient)", within: .seconds(40)) {
                try log().split(separator: "\n").contains { $0.contains("to=<\(recipient)>") && $0.contains(status) }
            }
        }

        func log() throws -> String { try String(contentsOfFile: logFile, encoding: .utf8) }
        let logFile: String
    }

    /// - Parameter isDebian13: whether it is the Postfix of Debian 13, whose datagrams the daemon reads as well.
    private func site(
        _ gate: Int, _ directory: TemporaryDirectory, isDebian13: Bool = false, transports: [String] = [],
        settings: String = ""
    ) async throws -> Site {
        let logFile = directory.path + "/mail.log"
        try directory.write("mail.log", "")
        let socket = directory.path + "/tlsrpt.sock"
        let datagrams = isDebian13 ? "tlsrpt_socket = \"\(socket)\"\ntlsrpt_socket_mode = \"0666\"\n" : ""
        let lab = try await IntakeLab(
            gate: gate, suffix: "at\(gate).lab",
            settings: "[intake]\npostfix_log = \"\(logFile)\"\n" + datagrams + settings)
        try await lab.daemon.start()
        var options = MapLab.options(lab.network, map: MapLab.map(gate, isDebian13 ? "postfix-tlsrpt" : "postfix"))
        options.settings.append("maillog_file = \(logFile)")
        if isDebian13 {
            options.root = Postfix.debian13
            options.settings += ["smtp_tlsrpt_enable = yes", "smtp_tlsrpt_socket_name = \(socket)"]
        }
        options.transports = transports
        return Site(
            lab: lab, postfix: try Postfix(address: "127.20.0.\(gate)", options: options), logFile: logFile)
    }

    private static let postfixes = Postfix.hasDebian13 ? [false, true] : [false]

    @Test("mail by a relay or a transport counts for the next hop that the map was asked for", arguments: postfixes)
    func nextHops(_ isDebian13: Bool) async throws {
        let directory = try TemporaryDirectory("sts-lab-attribution")
        let gate = isDebian13 ? 130 : 120
        let suffix = "at\(gate).lab"
        let site = try await site(
            gate, directory, isDebian13: isDebian13,
            transports: [
                "byhost.\(suffix) smtp:[mx.smart.\(suffix)]", "bydomain.\(suffix) smtp:hub.\(suffix)",
            ])
        defer { site.postfix.stop() }
        for name in ["byhost", "bydomain", "own"] { try site.lab.domain(name) }
        try site.lab.unpolicedDomain("smart")
        // Postfix 3.10 tells nothing of whom nobody would report to.
        site.lab.wantsReports("mx.smart.\(suffix)")
        try site.lab.domain("hub")
        for name in ["byhost", "bydomain", "own"] { try await site.deliver("u@\(name).\(suffix)") }
        try await site.lab.waitForCounts([
            "mx.smart no-policy-found 1/0", "hub sts 1/0", "own sts 1/0",
        ])
    }

    @Test("a session that DANE decided about counts under the host's TLSA records", arguments: postfixes)
    func dane(_ isDebian13: Bool) async throws {
        let directory = try TemporaryDirectory("sts-lab-attribution")
        let site = try await site(isDebian13 ? 131 : 121, directory, isDebian13: isDebian13)
        defer { site.postfix.stop() }
        try await site.deliver("u@dane.seclab")
        try await site.lab.waitForCounts(["mx.dane.seclab tlsa 1/0"])
        let report = try #require(try site.lab.reports().first)
        #expect(report.contains("\"3 1 1 ") && report.contains("\"tlsa\""), "\(report)")
    }

    @Test("mail that met a policy host that hangs has met a policy that cannot be fetched")
    func hangingPolicyHost() async throws {
        let directory = try TemporaryDirectory("sts-lab-attribution")
        let site = try await site(122, directory, settings: "[policy]\nfetch_timeout = \"12s\"\n")
        defer { site.postfix.stop() }
        try site.lab.unpolicedDomain("hangs")
        try site.lab.network.publish("hangs.at122.lab", .hang)
        try await site.deliver("u@hangs.at122.lab")
        try await Wait.until("the failed fetch counts", within: .seconds(40)) {
            try site.lab.counted().contains { $0.hasPrefix("hangs sts 0/1 sts-policy-fetch-error:") }
        }
        #expect(try site.lab.counted().count == 1)
    }

    @Test("each attempt that the map does not let go is one failed session, whatever its hosts and recipients")
    func refused() async throws {
        let directory = try TemporaryDirectory("sts-lab-attribution")
        let site = try await site(123, directory)
        defer { site.postfix.stop() }
        site.lab.wantsReports("deep.at123.lab")
        for host in ["a.b.deep.at123.lab", "c.d.deep.at123.lab"] { try site.lab.network.mailHost(host) }
        site.lab.network.route("deep.at123.lab", to: ["a.b.deep.at123.lab", "c.d.deep.at123.lab"])
        try site.lab.network.publish("deep.at123.lab", mode: "enforce", mx: ["*.deep.at123.lab"])
        try await site.deliver("u@deep.at123.lab", until: "status=deferred")
        try await site.deliver("u@bogustlsa.seclab", until: "status=deferred")
        let first = "deep sts 0/1 validation-failure:mx-not-in-sts-policy=1"
        let bogus = "mx.bogustlsa.seclab tlsa 0/1 dnssec-invalid=1"
        try await site.lab.waitForCounts([first, bogus])
        // A second try is a second session.
        func tries() throws -> Int {
            try site.log().split(separator: "\n").count {
                $0.contains("to=<u@deep.at123.lab>") && $0.contains("status=deferred")
            }
        }
        try await Wait.until("a second try", within: .seconds(30)) {
            try site.postfix.flush()
            return try tries() > 1
        }
        try await Wait.until("as many sessions as tries", within: .seconds(30)) {
            let tries = try tries()
            return try site.lab.counted().contains(
                "deep sts 0/\(tries) validation-failure:mx-not-in-sts-policy=\(tries)")
        }
    }
}
