// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Runs the system's programs, each under a deadline.
package enum Command {
    /// What a finished program left behind.
    package struct Result: Sendable {
        package let status: Int32
        /// Standard output.
        package let output: String
        /// Standard error.
        package let errors: String

        package var succeeded: Bool { status == 0 }
    }

    /// Runs `arguments[0]` (found in PATH) and waits for its end; blocks the calling thread for `timeout` at most.
    ///
    /// A program's own exit code is not an error here: see ``check(_:input:directory:timeout:)``.
    package static func run(
        _ arguments: [String], input: String = "", directory: String? = nil, timeout: Duration = .seconds(60)
    ) throws -> Result {
        // Files in place of pipes: a daemon that stays behind keeps a pipe open, and reading it would never end.
        let scratch = try TemporaryDirectory("sts-lab-run")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let files = try ["in", "out", "err"].map { try scratch.write($0, $0 == "in" ? input : "") }
        process.standardInput = FileHandle(forReadingAtPath: files[0])
        process.standardOutput = FileHandle(forWritingAtPath: files[1])
        process.standardError = FileHandle(forWritingAtPath: files[2])
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        do { try process.run() } catch { throw LabError("\(arguments.first ?? ""): \(error)") }
        if ended.wait(timeout: .now() + timeout.seconds) == .timedOut {
            kill(process.processIdentifier, SIGKILL)
            throw LabError("\(arguments.joined(separator: " ")): no end within \(timeout)")
        }
        return Result(status: process.terminationStatus, output: readFile(files[1]), errors: readFile(files[2]))
    }

    /// As ``run(_:input:directory:timeout:)``, and throws what the program said if it failed.
    @discardableResult
    package static func check(
        _ arguments: [String], input: String = "", directory: String? = nil, timeout: Duration = .seconds(60)
    ) throws -> String {
        let result = try run(arguments, input: input, directory: directory, timeout: timeout)
        guard result.succeeded else {
            throw LabError(
                "\(arguments.joined(separator: " ")): exit \(result.status): \(result.errors)\(result.output)")
        }
        return result.output
    }
}

extension Duration {
    /// The duration as Foundation and Dispatch want it.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

    /// Whole nanoseconds, for NIO.
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
