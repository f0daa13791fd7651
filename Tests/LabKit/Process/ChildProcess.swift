// SPDX-License-Identifier: Apache-2.0
import Foundation
import Spawn
import Synchronization

/// A child process with nothing of ours but the three standard files.
///
/// Foundation's Process notices an end late when a daemon stays behind.
final class ChildProcess: Sendable {
    let processIdentifier: pid_t
    /// The exit status once known; a death by signal is 128 and its number, as in the shell.
    private let status = Mutex<Int32?>(nil)

    /// Starts `arguments[0]`, found in PATH; standard error is `errors` or, without it, goes where `output` goes.
    init(
        _ arguments: [String], input: String = "/dev/null", output: String, errors: String? = nil,
        directory: String? = nil, environment: [String: String] = [:]
    ) throws {
        // The shell changes directory: the spawn action for it is hidden from Swift.
        let arguments = directory.map { ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", $0] + arguments } ?? arguments
        let append = { (path: String) in ChildFile.path(path, flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o644) }
        do throws(SpawnError) {
            processIdentifier = try spawn(
                arguments, environment: Self.environment(with: environment), input: .path(input, flags: O_RDONLY),
                // By then descriptor 1 is the output.
                output: append(output), errors: errors.map(append) ?? .descriptor(1))
        } catch { throw LabError("\(arguments): \(error.text)") }
    }

    /// The exit status if the process has ended.
    func poll() -> Int32? {
        status.withLock { status in
            if let status { return status }
            var raw: Int32 = 0
            guard waitpid(processIdentifier, &raw, WNOHANG) == processIdentifier else { return nil }
            let signal = raw & 0x7F
            status = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
            return status
        }
    }

    /// Blocks the calling thread until the process has ended, or for `timeout`.
    func wait(_ timeout: Duration) -> Int32? {
        let deadline = ContinuousClock.now + timeout
        var pause: UInt32 = 500
        while true {
            if let status = poll() { return status }
            guard ContinuousClock.now < deadline else { return nil }
            usleep(pause)
            pause = min(pause * 2, 5000)
        }
    }

    /// Sends a signal unless the process is known to have ended.
    func signal(_ number: Int32) {
        // Under the lock: once waited for, the number may belong to another process.
        status.withLock { if $0 == nil { kill(processIdentifier, number) } }
    }

    private static func environment(with changes: [String: String]) -> [String] {
        var result = changes.map { "\($0.key)=\($0.value)" }
        var entry = environ
        while let text = entry.pointee {
            let line = String(cString: text)
            if !changes.keys.contains(where: { line.hasPrefix($0 + "=") }) { result.append(line) }
            entry += 1
        }
        return result
    }
}
