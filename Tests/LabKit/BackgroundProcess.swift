// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A server of the system that runs in the foreground of a child process until stopped.
package final class BackgroundProcess: Sendable {
    // Process is not Sendable; the mutex serialises every use.
    private let process: Mutex<Process>
    private let ended = DispatchSemaphore(value: 0)
    private let name: String
    /// Where standard output and error go.
    package let logFile: String

    /// Starts `arguments[0]` (found in PATH); both outputs are appended to `logFile`.
    package init(_ arguments: [String], logFile: String, environment: [String: String] = [:]) throws {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        child.arguments = arguments
        child.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if !FileManager.default.fileExists(atPath: logFile) { try writeFile(logFile, "") }
        guard let log = FileHandle(forWritingAtPath: logFile) else { throw LabError("cannot write \(logFile)") }
        log.seekToEndOfFile()
        child.standardInput = FileHandle.nullDevice
        child.standardOutput = log
        child.standardError = log
        let ended = self.ended
        child.terminationHandler = { _ in ended.signal() }
        name = arguments.joined(separator: " ")
        self.logFile = logFile
        do { try child.run() } catch { throw LabError("\(name): \(error)") }
        process = Mutex(child)
    }

    package var isRunning: Bool { process.withLock { $0.isRunning } }

    package var processIdentifier: Int32 { process.withLock { $0.processIdentifier } }

    /// What the program has written so far.
    package var log: String { readFile(logFile) }

    /// Sends a signal; does nothing once the program has ended.
    package func signal(_ number: Int32) {
        process.withLock { if $0.isRunning { kill($0.processIdentifier, number) } }
    }

    /// Waits for the end and gives the exit status, or nil if there is none within `timeout`.
    package func waitForExit(within timeout: Duration) -> Int32? {
        guard ended.wait(timeout: .now() + timeout.seconds) == .success else { return nil }
        ended.signal()
        return process.withLock { $0.terminationStatus }
    }

    /// Asks the program to end, and after two seconds makes it.
    package func stop() {
        signal(SIGTERM)
        if waitForExit(within: .seconds(2)) == nil { signal(SIGKILL) }
    }

    deinit { stop() }
}
