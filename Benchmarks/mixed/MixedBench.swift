// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Foundation
import LabKit
import TestKit

struct MixedBench {
    /// What a verdict is to be worth under the other work: its rate over that of the no-op milter, and microseconds.
    private static let goal = (ratio: 0.8, p99: 10_000.0)
    private static let known = (0..<20).map { "d\($0).lab" }

    private let programs: String
    private let levels: String
    private let seconds: Double
    private let rounds: Int
    private let network: TestNetwork
    private let folder: TemporaryDirectory
    private let daemon: BackgroundProcess
    private let noop: BackgroundProcess
    private let other: OtherWork

    private var milters: [String] {
        ["no-op=unix:\(folder.path)/noop.sock", "sts-milter=unix:\(folder.path)/milter.sock"]
    }

    init(programs: String, options: [String]) throws {
        func option(_ name: String) -> String? {
            options.firstIndex(of: name).flatMap { options.indices.contains($0 + 1) ? options[$0 + 1] : nil }
        }
        self.programs = programs
        levels = option("-c") ?? "1,16,100"
        seconds = Double(option("-t") ?? "") ?? 0.2
        rounds = Int(option("-r") ?? "") ?? 50
        network = try TestNetwork(prefix: "127.32")
        folder = try TemporaryDirectory("sts-bench-mixed")
        for (number, name) in Self.known.enumerated() {
            if number.isMultiple(of: 2) {
                try network.domain(name)
            } else {
                try network.mailHost("mx.\(name)", plain: true)
                network.route(name, to: ["mx.\(name)"])
            }
        }
        try folder.write("known", Self.known.joined(separator: "\n") + "\n")
        other = try OtherWork(programs: programs, network: network, folder: folder, known: Self.known)
        let settings =
            network.settings + """
                [milter]
                socket = "unix:\(folder.path)/milter.sock"
                [policy_map]
                socket = "\(OtherWork.map)"
                [intake]
                postfix_log = "\(other.log.path)"
                [store]
                path = "\(folder.path)/store.sqlite"
                [control]
                socket = ""
                """
        daemon = try BackgroundProcess(daemon: "daemon", settings, in: folder)
        noop = try BackgroundProcess(
            [programs + "/noop-milter", "unix:\(folder.path)/noop.sock"], logFile: folder.path + "/noop.log")
    }

    func run() async throws {
        for socket in ["noop", "milter"] {
            try await Wait.until("\(socket).sock\n\(daemon.log)", within: .seconds(30)) {
                FileManager.default.fileExists(atPath: "\(folder.path)/\(socket).sock")
            }
        }
        // Each domain is asked for before anything is measured.
        _ = try load(["-c", "1", "-t", "3", "-r", "1"])
        let options = ["-c", levels, "-t", "\(seconds)", "-r", "\(rounds)"]
        print("== nothing else going on")
        print(try load(options))
        let levelCount = levels.split(separator: ",").count
        // milter-load brings threads up for a quarter of a second before the rounds of a level.
        let length = (seconds * Double(rounds) + 0.25) * Double(levelCount * milters.count)
        try await other.start(for: length)
        let measured = try load(options)
        print("== verdicts beside all that, the two milters in turns")
        print(measured)
        print(try await other.stop())
        judge(measured)
        for process in [daemon, noop] { process.stop() }
        network.stop()
    }

    private func load(_ options: [String]) throws -> String {
        try Command.check(
            [programs + "/milter-load", "-d", folder.path + "/known"] + options + milters, timeout: .seconds(1800))
    }

    /// Said, not failed on: the machine's other work decides as much as the daemon.
    private func judge(_ measured: String) {
        for line in measured.split(separator: "\n") where line.hasPrefix("sts-milter") {
            let words = line.split(separator: " ")
            guard words.count == 9, let p99 = Double(words[4]), let ratio = Double(words[7]) else { continue }
            let isMet = ratio >= Self.goal.ratio && p99 < Self.goal.p99
            print(
                "\(words[1]) connections: ratio \(rounded(ratio)), goal \(Self.goal.ratio); "
                    + "p99 \(rounded(p99 / 1000)) ms, goal \(Self.goal.p99 / 1000) ms: \(isMet ? "met" : "MISSED")")
        }
    }
}
