// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Synchronization

/// Carries log lines to stderr in the background, so that a slow reader of the log never slows a verdict.
package final class LogWriter: Sendable {
    /// Bytes that may wait; further lines are dropped and counted, the log says how many.
    private static let limitBytes = 4 << 20
    /// How long lines that are not urgent gather, so that many leave by one system call.
    private static let gatherTime = DispatchTimeInterval.milliseconds(20)

    private struct State {
        var waiting: [UInt8] = []
        var dropped = 0
        var isScheduled = false
    }

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "sts-milter.log")
    private let state = Mutex(State())

    package init(descriptor: Int32 = STDERR_FILENO) { self.descriptor = descriptor }

    /// - Parameter isUrgent: whether somebody may wait for the line, or the process end before others come.
    package func write(_ prefix: String, _ line: String, isUrgent: Bool) {
        let mustSchedule = state.withLock { state in
            guard state.waiting.count < Self.limitBytes else {
                state.dropped += 1
                return false
            }
            state.waiting.append(contentsOf: prefix.utf8)
            state.waiting.append(contentsOf: line.utf8)
            state.waiting.append(UInt8(ascii: "\n"))
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isUrgent {
            queue.async { self.drain() }
        } else if mustSchedule {
            queue.asyncAfter(deadline: .now() + Self.gatherTime) { self.drain() }
        }
    }

    /// Returns when all lines written so far have left.
    package func flush() { queue.sync { drain() } }

    private func drain() {
        while true {
            let (bytes, dropped) = state.withLock { state in
                defer { state = State() }
                return (state.waiting, state.dropped)
            }
            if bytes.isEmpty && dropped == 0 { return }
            send(bytes)
            if dropped > 0 {
                send(Array("warning: \(dropped) log lines dropped, the reader of the log is too slow\n".utf8))
            }
        }
    }

    private func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // Nobody is left to tell that the log is gone.
            guard count > 0 else { return }
            sent += count
        }
    }
}
