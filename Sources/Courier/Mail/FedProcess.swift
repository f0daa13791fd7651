// SPDX-License-Identifier: Apache-2.0
import Basics
import Dispatch
import Foundation
import Spawn

/// A program that reads what it is given on standard input: without a shell, in a process group of its own, with
/// nothing of ours but the three standard files.
///
/// `@unchecked Sendable`: everything behind `init` runs on `queue`, whose thread may block.
final class FedProcess: @unchecked Sendable {
    enum Ending: Sendable, Equatable {
        case exited(Int32)
        case killed(signal: Int32)
        /// It was killed at the deadline.
        case tooLate
    }

    /// Octets of what the program says that are kept.
    private static let saidLimitBytes = 4096
    /// How often the end of a silent program is looked for, in milliseconds.
    private static let pollMilliseconds: Int32 = 5

    private let queue = DispatchQueue(label: "courier.process")
    private let process: pid_t
    /// Sockets, not pipes: writing to one that nobody reads can then do without SIGPIPE.
    private let input: Int32
    private let output: Int32
    private var isOutputOpen = true
    private var said: [UInt8] = []

    /// Starts `arguments[0]`, a path. ``finish(by:)``, ``abandon(by:)`` or ``kill()`` must follow.
    init(_ arguments: [String]) throws(SpawnError) {
        let inputs = try localPair()
        defer { close(inputs.theirs) }
        do throws(SpawnError) {
            let outputs = try localPair()
            defer { close(outputs.theirs) }
            output = outputs.ours
            process = try Self.spawn(arguments, inputs.theirs, outputs)
        } catch {
            close(inputs.ours)
            throw error
        }
        input = inputs.ours
    }

    deinit {
        close(input)
        close(output)
    }

    /// What it wrote to standard output and error, safe to print.
    var words: String {
        get async {
            await run { process in
                let text = String(decoding: process.said, as: UTF8.self)
                return printable(text.split(whereSeparator: \.isWhitespace).joined(separator: " "))
            }
        }
    }

    /// Gives it more to read; false if it does not read on, or not before the deadline.
    func feed(_ bytes: [UInt8], by deadline: ContinuousClock.Instant) async -> Bool {
        await run { $0.write(bytes, by: deadline) }
    }

    /// Ends its input, and waits for its end.
    func finish(by deadline: ContinuousClock.Instant) async -> Ending {
        await run { process in
            shutdown(process.input, Int32(SHUT_WR))
            return process.end(by: deadline)
        }
    }

    /// Waits for its end, without an end of its input: what it has read must not pass for the whole.
    func abandon(by deadline: ContinuousClock.Instant) async -> Ending { await run { $0.end(by: deadline) } }

    /// Ends it and its children at once; it never sees an end of its input.
    func kill() async {
        await run { process in
            process.killGroup()
            var status: Int32 = 0
            while waitpid(process.process, &status, 0) < 0, errno == EINTR {}
        }
    }

    private func run<Value: Sendable>(_ work: @escaping @Sendable (FedProcess) -> Value) async -> Value {
        await withCheckedContinuation { done in queue.async { done.resume(returning: work(self)) } }
    }

    private static func spawn(
        _ arguments: [String], _ input: Int32, _ outputs: (ours: Int32, theirs: Int32)
    ) throws(SpawnError) -> pid_t {
        do throws(SpawnError) {
            return try Spawn.spawn(
                arguments,
                // Messages in one language, and nothing that changes what sendmail does.
                environment: ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"], input: .descriptor(input),
                output: .descriptor(outputs.theirs), errors: .descriptor(outputs.theirs), leadsGroup: true)
        } catch {
            close(outputs.ours)
            throw error
        }
    }
}

extension FedProcess {
    private func write(_ bytes: [UInt8], by deadline: ContinuousClock.Instant) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard ContinuousClock.now < deadline else { return false }
            let count = rest.withUnsafeBytes {
                send(input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count >= 0 { rest = rest.dropFirst(count) } else if errno != EAGAIN, errno != EINTR { return false }
            if !rest.isEmpty { wait(forInput: true) }
        }
        return true
    }

    private func end(by deadline: ContinuousClock.Instant) -> Ending {
        var status: Int32 = 0
        while true {
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process { break }
            if ended < 0, errno != EINTR { return .tooLate }
            guard ContinuousClock.now < deadline else {
                killGroup()
                while waitpid(process, &status, 0) < 0, errno == EINTR {}
                return .tooLate
            }
            wait(forInput: false)
        }
        listen()
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
    }

    private func killGroup() { _ = Foundation.kill(-process, SIGKILL) }

    /// Waits a little for the program to read or to speak, and hears what it says.
    private func wait(forInput: Bool) {
        var files = [
            pollfd(fd: isOutputOpen ? output : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: forInput ? input : -1, events: Int16(POLLOUT), revents: 0),
        ]
        _ = poll(&files, 2, Self.pollMilliseconds)
        if files[0].revents != 0 { listen() }
    }

    /// Takes what has been said so far, so that the program does not wait for us.
    private func listen() {
        var piece = [UInt8](repeating: 0, count: 4096)
        while isOutputOpen {
            let count = recv(output, &piece, piece.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                if count == 0 { isOutputOpen = false }
                return
            }
            said += piece.prefix(min(count, Self.saidLimitBytes - said.count))
        }
    }
}
