// SPDX-License-Identifier: Apache-2.0
import Basics
import Dispatch
import Glibc

/// Carries log lines to stderr or syslog in the background, by one thread: a reader of the log that is slow, or that
/// hangs, makes no writer of a line wait.
package final class LogWriter: Sendable {
    /// Memory of lines that wait; further ordinary lines are dropped and counted, the log says how many.
    static let limitBytes = 3 << 20
    /// What warnings and errors may take beyond: they are the last to be dropped.
    static let reserveBytes = 1 << 20
    /// What a line takes beside its text.
    private static let overheadBytes = 96
    /// How long lines that are not urgent gather, so that many leave by one system call.
    private static let gatherTime = DispatchTimeInterval.milliseconds(20)
    /// Octets that leave by one system call.
    private static let chunkBytes = 64 << 10
    /// How long an end waits for a reader that takes nothing.
    package static let flushLimit = Duration.seconds(2)

    package enum Outlet: Sendable {
        /// The descriptor; the prefix is written before the text.
        case stream(prefix: String)
        /// syslog(3)
        case syslog(priority: Int32)
    }

    package enum Rank: Int, Sendable, Comparable {
        case ordinary
        /// Somebody may wait for the line, or the process end before others come.
        case urgent
        /// A warning or an error.
        case grave

        package static func < (one: Rank, other: Rank) -> Bool { one.rawValue < other.rawValue }
    }

    private struct Line {
        let outlet: Outlet
        let text: String
        var bytes: Int { text.utf8.count + LogWriter.overheadBytes }
    }

    private enum Wake: Int { case none, later, now }

    private struct State {
        var waiting: [Line] = []
        /// Of all lines that have not left, those included that are on their way.
        var bytes = 0
        var dropped = 0
        var droppedGrave = 0
        var wake = Wake.none
        /// Of the line that left last.
        var outlet = Outlet.stream(prefix: "")
    }

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "sts-milter.log")
    private let state = Locked(State())

    package init(descriptor: Int32 = STDERR_FILENO) { self.descriptor = descriptor }

    /// Memory of lines that wait or are on their way.
    var waitingBytes: Int { state.withLock { $0.bytes } }

    /// Takes a line, or drops it; never waits for its reader.
    package func write(_ text: String, to outlet: Outlet, _ rank: Rank) {
        let line = Line(outlet: outlet, text: text)
        let wake = state.withLock { state in
            let limit = rank == .grave ? Self.limitBytes + Self.reserveBytes : Self.limitBytes
            guard state.bytes + line.bytes <= limit else {
                state.dropped += 1
                if rank == .grave { state.droppedGrave += 1 }
                return Wake.none
            }
            state.bytes += line.bytes
            state.waiting.append(line)
            // At most one call of each kind waits in the queue, however many lines do.
            let wanted: Wake = rank >= .urgent ? .now : .later
            guard wanted.rawValue > state.wake.rawValue else { return .none }
            state.wake = wanted
            return wanted
        }
        switch wake {
        case .none: return
        case .later: queue.asyncAfter(deadline: .now() + Self.gatherTime) { self.drain() }
        case .now: queue.async { self.drain() }
        }
    }

    /// Waits until all lines written so far have left.
    /// - Returns: whether they have, within the limit.
    @discardableResult
    package func flush(within limit: Duration = flushLimit) -> Bool {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.drain()
            done.signal()
        }
        return done.wait(timeout: .now() + limit / .seconds(1)) == .success
    }

    private func drain() {
        while true {
            let (lines, notice) = state.withLock { state in
                defer { (state.waiting, state.dropped, state.droppedGrave, state.wake) = ([], 0, 0, .none) }
                if let last = state.waiting.last { state.outlet = last.outlet }
                return (state.waiting, Self.notice(of: state.dropped, state.droppedGrave, like: state.outlet))
            }
            if lines.isEmpty && notice == nil { return }
            send(lines)
            if let notice { send([notice]) }
            let sent = lines.reduce(0) { $0 + $1.bytes }
            state.withLock { $0.bytes -= sent }
        }
    }

    private static func notice(of dropped: Int, _ grave: Int, like outlet: Outlet) -> Line? {
        guard dropped > 0 else { return nil }
        let text =
            "\(dropped) log lines dropped" + (grave > 0 ? ", \(grave) of them warnings or errors" : "")
            + ", the reader of the log is too slow"
        return switch outlet {
        case .stream(let prefix):
            Line(outlet: .stream(prefix: prefix.hasPrefix("<") ? "<\(LOG_WARNING)>" : "warning: "), text: text)
        case .syslog: Line(outlet: .syslog(priority: LOG_WARNING), text: text)
        }
    }

    private func send(_ lines: [Line]) {
        var chunk: [UInt8] = []
        for line in lines {
            switch line.outlet {
            case .stream(let prefix):
                chunk.append(contentsOf: prefix.utf8)
                chunk.append(contentsOf: line.text.utf8)
                chunk.append(UInt8(ascii: "\n"))
                guard chunk.count >= Self.chunkBytes else { continue }
                send(chunk)
                chunk.removeAll(keepingCapacity: true)
            case .syslog(let priority):
                line.text.withCString { text in withVaList([text]) { vsyslog(priority, "%s", $0) } }
            }
        }
        send(chunk)
    }

    private func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EAGAIN {
                // Somebody else made the descriptor non-blocking.
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, -1)
                continue
            }
            // Nobody is left to tell that the log is gone.
            guard count > 0 else { return }
            sent += count
        }
    }
}
