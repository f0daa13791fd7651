// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

extension Soak {
    /// Memory in the last turn of the faults may be so much more than in the first.
    private static let growth = 1.1
    /// Descriptors that are opened when they are first needed, and kept.
    private static let kept = 4
    private static let settling = Duration.seconds(90)

    /// What must hold once all load and all faults have ended:
    ///
    /// * each session of the log is counted, and none twice, whatever happened;
    /// * so is each datagram that the kernel took, but for those of the last seconds before a kill -9;
    /// * as many descriptors as before the load, but for a few that are kept once opened;
    /// * as much memory in the last turn of the faults as in the first, and a tenth more: each turn begins with a new life of
    ///   the daemon and brings the same;
    /// * the daemon lives, and ends in order when asked.
    func check(idle: Figures.Sample) async throws {
        try await waitForCounts()
        try await waitForDescriptors(idle)
        checkMemory(idle)
        let status = daemon.terminate(within: .seconds(30))
        findings.check("exit status after SIGTERM", status.map { "\($0)" } ?? "none in 30 s", status == 0)
        // The counts as they are on disk, with nobody to write more.
        let counted = try Counts.read(daemon)
        let written = log.sessions
        for domain in World.logged {
            let (right, got) = (written[domain, default: 0], counted[domain, default: 0])
            findings.check("sessions in the log to \(domain)", "\(right) written, \(got) counted", right == got)
        }
        let told = World.told.reduce(0) { $0 + counted[$1, default: 0] }
        let (taken, mayBeLost) = (datagrams.taken, datagrams.mayBeLost)
        findings.check(
            "datagrams", "\(taken) taken, \(told) counted, \(mayBeLost) may be lost by kill -9",
            told <= taken && told >= taken - mayBeLost)
        findings.figure("datagrams that the kernel did not take", "\(datagrams.refused)")
        findings.figure("lines of the log", "\(log.lines)")
        findings.figure("policies fetched", "\(world.network.policies.requests.count)")
        findings.figure("lives of the daemon", "\(situation.now.life)")
    }

    /// What the log says may wait for a lookup, and what the disk did not take for the next try.
    private func waitForCounts() async throws {
        let deadline = ContinuousClock.now + Self.settling
        while ContinuousClock.now < deadline {
            let counted = try Counts.read(daemon)
            if log.sessions.allSatisfy({ counted[$0.key, default: 0] >= $0.value }) { return }
            try await Task.sleep(for: .seconds(1))
        }
        // What is missing is told with the counts.
    }

    private func waitForDescriptors(_ idle: Figures.Sample) async throws {
        let deadline = ContinuousClock.now + Self.settling
        var now = try figures.now()
        while now.descriptors > idle.descriptors + Self.kept, ContinuousClock.now < deadline {
            try await Task.sleep(for: .seconds(1))
            now = try figures.now()
        }
        findings.check(
            "descriptors", "\(idle.descriptors) before, \(figures.mostDescriptors) at most, \(now.descriptors) after",
            now.descriptors <= idle.descriptors + Self.kept)
    }

    private func checkMemory(_ idle: Figures.Sample) {
        let peaks = (0..<turns).compactMap { turn in
            figures.peak(Double(turn) / Double(turns)...Double(turn + 1) / Double(turns))
        }
        guard let first = peaks.first, let last = peaks.last, peaks.count == turns else {
            return findings.figure("memory", "not measured: too few samples")
        }
        let text =
            "\(idle.kilobytes / 1024) MiB before, at most \(peaks.map { "\($0 / 1024)" }.joined(separator: ", ")) in each turn"
            + (turns > 1 ? "" : "; not judged: a single turn")
        findings.check("memory", text, turns == 1 || Double(last) <= Self.growth * Double(first))
    }
}

/// Sessions that the daemon has counted.
enum Counts {
    private struct Report: Decodable {
        struct Result: Decodable {
            struct Policy: Decodable {
                let domain: String
                private enum CodingKeys: String, CodingKey { case domain = "policy-domain" }
            }
            struct Summary: Decodable {
                let successes: Int
                let failures: Int
                private enum CodingKeys: String, CodingKey {
                    case successes = "total-successful-session-count"
                    case failures = "total-failure-session-count"
                }
            }
            let policy: Policy
            let summary: Summary
        }
        let policies: [Result]
    }

    /// Of today and yesterday, by domain: a run may cross midnight.
    static func read(_ daemon: DaemonProcess) throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for day in ["today", "yesterday"] {
            let date = try Command.check(["date", "-u", "-d", day, "+%F"]).trimmingCharacters(
                in: .whitespacesAndNewlines)
            let output = try TemporaryDirectory("sts-soak-reports")
            let result = try daemon.command(
                "report", "build", "--day", date, "--output", output.path, "--plain", "--no-lookup")
            guard result.succeeded || result.errors.contains("nothing to report") else {
                throw LabError("report build: \(result)")
            }
            for name in try FileManager.default.contentsOfDirectory(atPath: output.path) {
                let text = try Data(contentsOf: URL(fileURLWithPath: output.path + "/" + name))
                for result in try JSONDecoder().decode(Report.self, from: text).policies {
                    counts[result.policy.domain, default: 0] += result.summary.successes + result.summary.failures
                }
            }
        }
        return counts
    }
}
