// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing
import TestKit

/// A daemon that hears from one MTA how its deliveries went, and domains to deliver to.
struct IntakeLab {
    let network: TestNetwork
    let daemon: DaemonProcess
    /// Domains of this laboratory end in it.
    let suffix: String

    /// - Parameter gate: the last octet of the daemon's address; it is no gate of ``Lab``.
    init(gate: Int, suffix: String, settings: String) async throws {
        let lab = try await Lab.open()
        network = lab.network
        self.suffix = suffix
        daemon = try DaemonProcess(
            address: "127.20.9.\(gate)",
            settings: MapLab.enforcing + network.settings + MapLab.serving(gate) + settings
                + "[report]\ncontact_info = \"tlsrpt@mta.lab\"\nschedule = \"off\"\n")
    }

    /// Has the domain ask for reports.
    func wantsReports(_ domain: String) {
        network.names.set("_smtp._tls.\(domain)", .txt("v=TLSRPTv1; rua=mailto:reports@\(domain)"))
    }

    /// A domain with its own mail host and a policy that names it; its name is `NAME.SUFFIX`.
    @discardableResult
    func domain(
        _ name: String, mode: String = "enforce", credential: Credential? = nil, plain: Bool = false
    ) throws -> MXServer {
        wantsReports("\(name).\(suffix)")
        return try network.domain("\(name).\(suffix)", mode: mode, credential: credential, plain: plain)
    }

    /// A domain without a policy.
    @discardableResult
    func unpolicedDomain(_ name: String, plain: Bool = false) throws -> MXServer {
        wantsReports("\(name).\(suffix)")
        let host = try network.mailHost("mx.\(name).\(suffix)", plain: plain)
        network.route("\(name).\(suffix)", to: ["mx.\(name).\(suffix)"])
        return host
    }

    /// What is counted of a day, today if nil: a line a policy, `NAME TYPE SUCCESSES/FAILURES`, and behind it each kind of failure as
    /// ` RESULT-TYPE[:REASON]=SESSIONS`, all in order.
    func counted(on day: String? = nil) throws -> [String] {
        try reports(of: day).flatMap { text in
            let report = try JSONDecoder().decode(ReportJSON.self, from: Data(text.utf8))
            return report.policies.map { $0.line(below: suffix) }
        }.sorted()
    }

    /// The reports of a day as they stand now, each as JSON; nil is today.
    func reports(of day: String? = nil) throws -> [String] {
        let output = try TemporaryDirectory("sts-lab-reports")
        let day = try day ?? Command.check(["date", "-u", "+%F"]).trimmingCharacters(in: .whitespacesAndNewlines)
        let result = try daemon.command(
            "report", "build", "--day", day, "--output", output.path, "--plain", "--no-lookup")
        // There is nothing yet.
        if result.errors.contains("nothing to report") { return [] }
        guard result.status == 0 else { throw LabError("report build: \(result)") }
        return try FileManager.default.contentsOfDirectory(atPath: output.path).map { name in
            try String(contentsOfFile: output.path + "/" + name, encoding: .utf8)
        }
    }

    /// Waits until exactly this is counted.
    func waitForCounts(_ expected: [String], within timeout: Duration = .seconds(30)) async throws {
        var last: [String] = []
        do {
            try await Wait.until("counts", within: timeout) {
                last = try counted()
                return last == expected.sorted()
            }
        } catch {
            #expect(last == expected.sorted(), "\(daemon.log.suffix(4000))")
        }
    }
}

/// What the scenarios read of a report.
private struct ReportJSON: Decodable {
    struct PolicyResult: Decodable {
        struct Policy: Decodable {
            let type: String
            let domain: String
            private enum CodingKeys: String, CodingKey {
                case type = "policy-type"
                case domain = "policy-domain"
            }
        }
        struct Summary: Decodable {
            let successes: Int
            let failures: Int
            private enum CodingKeys: String, CodingKey {
                case successes = "total-successful-session-count"
                case failures = "total-failure-session-count"
            }
        }
        struct Details: Decodable {
            let type: String
            let reason: String?
            let sessions: Int
            private enum CodingKeys: String, CodingKey {
                case type = "result-type"
                case reason = "failure-reason-code"
                case sessions = "failed-session-count"
            }
        }
        let policy: Policy
        let summary: Summary
        let details: [Details]?
        private enum CodingKeys: String, CodingKey {
            case policy, summary
            case details = "failure-details"
        }

        func line(below suffix: String) -> String {
            let name =
                policy.domain.hasSuffix("." + suffix) ? policy.domain.dropLast(suffix.count + 1) : policy.domain[...]
            let kinds = (details ?? []).map { " \($0.type)\($0.reason.map { ":" + $0 } ?? "")=\($0.sessions)" }
            return "\(name) \(policy.type) \(summary.successes)/\(summary.failures)" + kinds.sorted().joined()
        }
    }
    let policies: [PolicyResult]
}
