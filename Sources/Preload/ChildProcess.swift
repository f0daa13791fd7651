// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation

/// Runs a program to its end, without a shell, with nothing of ours but the three standard files.
///
/// Foundation's own way hands down the signals that the daemon blocks and every open descriptor.
enum ChildProcess {
    struct Ending: Sendable {
        /// The exit status; a death by signal is 128 and its number.
        let status: Int32
        let output: [UInt8]
    }

    enum Failure: Error, Sendable, Equatable {
        case cannotStart(String)
        case tooLate
        case tooMuchOutput
    }

    /// Runs `arguments[0]`, a path, and gives what it wrote to standard output; standard error goes to a file.
    ///
    /// The process is killed at the deadline, or when it writes more than `outputLimitBytes`.
    static func run(
        _ arguments: [String], errors: String, within limit: Duration, outputLimitBytes: Int
    ) async throws(Failure) -> Ending {
        let deadline = ContinuousClock.now + limit
        let result: Result<Ending, Failure> = await withCheckedContinuation { done in
            // A thread that may block: the pool's must not.
            DispatchQueue.global().async {
                done.resume(
                    returning: Result { () throws(Failure) in
                        try runBlocking(arguments, errors: errors, until: deadline, outputLimitBytes)
                    })
            }
        }
        return try result.get()
    }

    private static func runBlocking(
        _ arguments: [String], errors: String, until deadline: ContinuousClock.Instant, _ outputLimitBytes: Int
    ) throws(Failure) -> Ending {
        // Not a pipe: pipe2, which closes on exec from the start, is hidden from Swift.
        var pipe: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pipe) == 0 else { throw .cannotStart(String(cString: strerror(errno))) }
        defer { close(pipe[0]) }
        let process: pid_t
        do throws(Failure) { process = try spawn(arguments, output: pipe[1], errors: errors) } catch {
            close(pipe[1])
            throw error
        }
        close(pipe[1])
        let read = Result { () throws(Failure) in try readAll(pipe[0], until: deadline, outputLimitBytes) }
        // A process that has closed its output but does not end is as late as one that writes no end.
        if case .failure = read { kill(process, SIGKILL) }
        guard let status = ending(of: process, until: deadline) else { throw .tooLate }
        return Ending(status: status, output: try read.get())
    }

    private static func spawn(_ arguments: [String], output: Int32, errors: String) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // What a library opened without close-on-exec; closing one that is gone by then is no error.
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        for file in open.compactMap(Int32.init) where file > 2 { posix_spawn_file_actions_addclose(&actions, file) }
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
        // Messages in one language, and no GNUPGHOME from outside.
        let failure = withCStrings(["LC_ALL=C", "PATH=/usr/bin:/bin"]) { environment in
            withCStrings(arguments) {
                posix_spawn(&process, arguments.first ?? "", &actions, &attributes, $0, environment)
            }
        }
        guard failure == 0 else { throw .cannotStart(String(cString: strerror(failure))) }
        return process
    }

    private static func readAll(
        _ descriptor: Int32, until deadline: ContinuousClock.Instant, _ limitBytes: Int
    ) throws(Failure) -> [UInt8] {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let left = deadline - .now
            guard left > .zero else { throw .tooLate }
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, Int32(clamping: left.components.seconds * 1000 + 1)) > 0 else { continue }
            let count = read(descriptor, &piece, piece.count)
            if count == 0 { return all }
            guard count > 0 else { continue }
            all += piece[..<count]
            guard all.count <= limitBytes else { throw .tooMuchOutput }
        }
    }

    /// Waits for the end, by force from the deadline on; nil when it took force.
    private static func ending(of process: pid_t, until deadline: ContinuousClock.Instant) -> Int32? {
        var raw: Int32 = 0
        var isKilled = false
        while true {
            let ended = waitpid(process, &raw, isKilled ? 0 : WNOHANG)
            if ended == process { break }
            if ended < 0, errno != EINTR { return nil }
            if ContinuousClock.now >= deadline {
                kill(process, SIGKILL)
                isKilled = true
            } else {
                usleep(1000)
            }
        }
        let signal = raw & 0x7F
        return isKilled ? nil : signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
    }

    private static func withCStrings<Value>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
    ) -> Value {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
