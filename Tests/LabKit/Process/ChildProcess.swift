// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation

/// A child process with nothing of ours but the three standard files.
///
/// The laboratory's own, since its servers outlive the function that starts them and tests wait for them without a
/// task: the daemon's way, ``Processes``, gives a program for the length of one call. Foundation's Process notices an end
/// late when a daemon stays behind.
final class ChildProcess: Sendable {
    let processIdentifier: pid_t
    /// The exit status once known; a death by signal is 128 and its number, as in the shell.
    private let status = Locked<Int32?>(nil)

    /// Starts `arguments[0]`, found in PATH; standard error is `errors` or, without it, goes where `output` goes.
    init(
        _ arguments: [String], input: String = "/dev/null", output: String, errors: String? = nil,
        directory: String? = nil, environment: [String: String] = [:]
    ) throws {
        // The shell changes directory: the spawn action for it is hidden from Swift.
        let arguments = directory.map { ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", $0] + arguments } ?? arguments
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o644)
        if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o644)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        // What a library opened without close-on-exec; closing one that is gone by then is no error.
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        for file in open.compactMap(Int32.init) where file > 2 { posix_spawn_file_actions_addclose(&actions, file) }
        processIdentifier = try Self.spawn(arguments, &actions, Self.environment(with: environment))
    }

    private static func spawn(
        _ arguments: [String], _ actions: inout posix_spawn_file_actions_t, _ environment: [String]
    ) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var process = pid_t()
        let code = withCStrings(environment) { environment in
            withCStrings(arguments) {
                posix_spawnp(&process, arguments.first ?? "", &actions, &attributes, $0, environment)
            }
        }
        guard code == 0 else { throw LabError("\(arguments): \(String(cString: strerror(code)))") }
        return process
    }

    private static func withCStrings<Value>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
    ) -> Value {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
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
