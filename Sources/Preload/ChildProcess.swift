// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import Spawn

/// Runs a program to its end, without a shell, with nothing of ours but the three standard files.
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
        let ends: (ours: Int32, theirs: Int32)
        let process: pid_t
        do throws(SpawnError) {
            ends = try localPair()
        } catch { throw .cannotStart(error.text) }
        defer { close(ends.ours) }
        do throws(SpawnError) {
            defer { close(ends.theirs) }
            process = try spawn(
                arguments,
                // Messages in one language, and no GNUPGHOME from outside.
                environment: ["LC_ALL=C", "PATH=/usr/bin:/bin"], input: .path("/dev/null", flags: O_RDONLY),
                output: .descriptor(ends.theirs), errors: .path(errors, flags: O_WRONLY | O_CREAT | O_TRUNC))
        } catch { throw .cannotStart(error.text) }
        let read = Result { () throws(Failure) in try readAll(ends.ours, until: deadline, outputLimitBytes) }
        // A process that has closed its output but does not end is as late as one that writes no end.
        if case .failure = read { kill(process, SIGKILL) }
        guard let status = ending(of: process, until: deadline) else { throw .tooLate }
        return Ending(status: status, output: try read.get())
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
}
