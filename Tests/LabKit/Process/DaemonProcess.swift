// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import TestKit

/// The real sts-milter as a child process, with settings, store and log of its own.
package final class DaemonProcess: Sendable {
    package let directory: TemporaryDirectory
    package var configuration: String { directory.path + "/sts-milter.toml" }
    package var store: String { directory.path + "/sts-milter.sqlite" }
    package let address: String
    package let port: Int

    private let process = Locked<BackgroundProcess?>(nil)
    private let environment: [String: String]
    private let launch: [String]

    /// The milter's socket as Postfix writes it.
    package var milter: String { "inet:\(address):\(port)" }

    /// Where the program lies, or another one that is built with it: beside the program that runs now.
    package static func program(_ name: String = "sts-milter") throws -> String {
        let named = name == "sts-milter" ? ProcessInfo.processInfo.environment["STS_MILTER"] : nil
        let candidates =
            [named].compactMap { $0 }
            + [CommandLine.arguments[0], Bundle.main.executablePath ?? ""].map {
                URL(fileURLWithPath: $0).deletingLastPathComponent().appendingPathComponent(name).path
            }
            + Bundle.allBundles.map {
                $0.bundleURL.deletingLastPathComponent().appendingPathComponent(name).path
            }
        guard let path = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw LabError("no \(name) at \(candidates); build it, or name it in STS_MILTER")
        }
        return path
    }

    /// Prepares a daemon that listens at `address`; nothing runs before ``start()``.
    /// - Parameter program: what serves, and its arguments before the settings file.
    package init(
        address: String, port: Int = 8890, settings: String, environment: [String: String] = [:],
        program: [String] = ["sts-milter", "serve", "--config"]
    ) throws {
        launch = program
        self.address = address
        self.port = port
        self.environment = environment
        directory = try TemporaryDirectory("sts-lab-milter")
        try configure(settings)
    }

    deinit { process.withLock { $0?.stop() } }

    /// Writes the settings file; socket, store and control socket are always the lab's own. Tables are given as
    /// `[table]` blocks, keys at the top of the file come first.
    package func configure(_ settings: String) throws {
        var text = settings
        for (table, lines) in [
            ("milter", "socket = \"inet:\(port)@\(address)\""), ("store", "path = \"\(store)\""),
            ("control", "socket = \"\(directory.path)/control.sock\""),
        ] {
            if let range = text.range(of: "[\(table)]\n") {
                text.insert(contentsOf: lines + "\n", at: range.upperBound)
            } else {
                // Before the first [[rule]]: what follows one belongs to it.
                let place = text.range(of: "[[rule]]")?.lowerBound ?? text.endIndex
                text.insert(contentsOf: "\n[\(table)]\n\(lines)\n", at: place)
            }
        }
        try directory.write("sts-milter.toml", text)
    }

    /// Starts the daemon; it answers when this returns.
    package func start() async throws {
        // The log goes on from life to life.
        let lives = log.components(separatedBy: ": serving ").count
        let child = try BackgroundProcess(
            [try Self.program(launch[0])] + launch.dropFirst() + [configuration], logFile: directory.path + "/log",
            environment: environment)
        process.withLock { $0 = child }
        try await Wait.until("sts-milter at \(address):\(port)\n\(log)", within: .seconds(30)) {
            guard child.isRunning else { throw LabError("sts-milter ended: \(log)") }
            return log.components(separatedBy: ": serving ").count > lives
        }
    }

    /// All it has logged so far, over all its lives.
    package var log: String { (try? String(contentsOfFile: directory.path + "/log", encoding: .utf8)) ?? "" }

    /// Waits for a log line with all these texts.
    @discardableResult
    package func waitForLog(_ texts: String..., within timeout: Duration = .seconds(20)) async throws -> String {
        try await Wait.value("log with \(texts)", within: timeout) {
            log.split(separator: "\n").first { line in texts.allSatisfy { line.contains($0) } }.map(String.init)
        }
    }

    package var processIdentifier: Int32 { process.withLock { $0?.processIdentifier ?? 0 } }

    /// Waits for an end that nobody asked for and gives the exit status; nil if there is none in time.
    package func exitStatus(within timeout: Duration = .seconds(20)) -> Int32? {
        process.withLock { $0 }?.waitForExit(within: timeout)
    }

    package func signal(_ number: Int32) { process.withLock { $0?.signal(number) } }

    /// Resident memory now, in kilobytes.
    package var residentKilobytes: Int {
        let pid = processIdentifier
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        return status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }.flatMap { line in
            line.split(separator: " ").compactMap { Int($0) }.first
        } ?? 0
    }

    /// Sends SIGTERM and gives the exit status; nil if it did not end in time.
    @discardableResult
    package func terminate(within timeout: Duration = .seconds(10)) -> Int32? {
        signal(SIGTERM)
        return exitStatus(within: timeout)
    }

    /// Ends it at once, as a crash would.
    package func kill() {
        signal(SIGKILL)
        _ = exitStatus(within: .seconds(5))
    }

    /// Runs a command with this daemon's settings.
    package func command(_ arguments: String..., timeout: Duration = .seconds(60)) throws -> Command.Result {
        try command(arguments, timeout: timeout)
    }

    package func command(_ arguments: [String], timeout: Duration = .seconds(60)) throws -> Command.Result {
        try Command.run([try Self.program()] + arguments + ["--config", configuration], timeout: timeout)
    }
}
