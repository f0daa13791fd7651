// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestKit

/// A server that runs in the foreground of a child process until stopped.
package final class BackgroundProcess: Sendable {
    private let child: ChildProcess
    private let arguments: [String]
    /// Where standard output and error go.
    package let logFile: String

    /// Starts `arguments[0]` (found in PATH); both outputs are appended to `logFile`.
    package init(
        _ arguments: [String], logFile: String, directory: String? = nil, environment: [String: String] = [:]
    ) throws {
        self.arguments = arguments
        self.logFile = logFile
        child = try ChildProcess(arguments, output: logFile, directory: directory, environment: environment)
    }

    /// Starts sts-milter by these settings alone, which are written to `NAME.toml` in `folder`; the log is `NAME.log`.
    /// Unlike ``DaemonProcess`` it adds nothing to them, and waits for nothing.
    package convenience init(daemon name: String, _ settings: String, in folder: TemporaryDirectory) throws {
        let file = try folder.write("\(name).toml", settings)
        try self.init(
            [try DaemonProcess.program(), "serve", "--config", file], logFile: "\(folder.path)/\(name).log")
    }

    package var isRunning: Bool { child.poll() == nil }

    package var processIdentifier: Int32 { child.processIdentifier }

    /// What the program has written so far.
    package var log: String { readFile(logFile) }

    /// Sends a signal; does nothing once the program has ended.
    package func signal(_ number: Int32) {
        if isRunning { child.signal(number) }
    }

    /// Waits for the end and gives the exit status (128 and the number for a signal), or nil if there is none within
    /// `timeout`; blocks the calling thread.
    package func waitForExit(within timeout: Duration) -> Int32? { child.wait(timeout) }

    /// Waits for the end and gives the exit status; throws ``LabError`` with the log if there is none in time.
    package func exitStatus(within timeout: Duration = .seconds(10)) async throws -> Int32 {
        do {
            return try await Wait.value("end of \(arguments)", within: timeout) { child.poll() }
        } catch let error as LabError {
            throw LabError("\(error)\n\(log)")
        }
    }

    /// Asks the program to end, and after two seconds makes it.
    package func stop() {
        signal(SIGTERM)
        guard waitForExit(within: .seconds(2)) == nil else { return }
        signal(SIGKILL)
        _ = waitForExit(within: .seconds(2))
    }

    /// Waits until the program has written `text`; throws what it wrote if it ends before, or after `timeout`.
    package func waitForLog(_ text: String, within timeout: Duration = .seconds(10)) throws {
        let deadline = ContinuousClock.now + timeout
        while !log.contains(text) {
            guard isRunning, ContinuousClock.now < deadline else {
                throw LabError("\(arguments): no \"\(text)\": \(log)")
            }
            usleep(2000)
        }
    }

    deinit { stop() }
}
