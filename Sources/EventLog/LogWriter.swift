// SPDX-License-Identifier: Apache-2.0
import Basics
import Dispatch
import Glibc

/// Carries log lines to stderr or syslog in the background, by one thread: a reader of the log that is slow, or that
/// hangs, makes no writer of a line wait.
///
/// Who writes a line copies its octets under a lock, and wakes the thread only if it rests. The thread takes what has
/// gathered, in pieces of one system call each.
package final class LogWriter: Sendable {
    /// How long lines that are not urgent gather, so that many leave by one system call.
    private static let gatherTime = Duration.milliseconds(20)
    /// Octets that are not left to gather any longer.
    private static let gatherBytes = 1 << 20
    /// How long an end waits for a reader that takes nothing.
    package static let flushLimit = Duration.seconds(2)

    /// What the thread does.
    private enum Work {
        /// Nothing, and must be called for a line.
        case none
        /// It lets lines gather.
        case gathering
        /// It writes, and looks for more before it lets lines gather.
        case writing
    }

    private enum Call { case none, start, hurry }

    private struct State {
        var lines = WaitingLines()
        var work = Work.none
        /// Whether a line waits that should leave at once.
        var isUrgent = false
        /// Who waits for all lines to leave.
        var flushes = 0
        /// Lines dropped since the start that were told of.
        var droppedLines = 0

        /// What the thread must be told of a new line.
        mutating func call(for rank: LogRank) -> Call {
            let isUrgent = rank >= .urgent || lines.bytes > LogWriter.gatherBytes
            if isUrgent { self.isUrgent = true }
            switch work {
            case .none:
                work = .writing
                return .start
            case .gathering where isUrgent:
                work = .writing
                return .hurry
            case .gathering, .writing: return .none
            }
        }
    }

    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private let queue = DispatchQueue(label: "sts-milter.log")
    /// Whether the wait for more lines is to end at once.
    private let hurry = Monitor(false)
    private let state = Locked(State())

    /// - Parameter ownsDescriptor: whether the descriptor is closed once nobody can write a line any more.
    package init(descriptor: Int32 = STDERR_FILENO, ownsDescriptor: Bool = false) {
        self.descriptor = descriptor
        self.ownsDescriptor = ownsDescriptor
    }

    deinit { if ownsDescriptor { close(descriptor) } }

    /// Lines dropped since the start.
    var droppedLines: Int { state.withLock { $0.droppedLines + $0.lines.dropped.lines } }
    /// Memory of lines that wait.
    var waitingBytes: Int { state.withLock { $0.lines.bytes } }

    /// Writes a line to the descriptor.
    package func write(_ text: String, prefix: StaticString, _ rank: LogRank) {
        var text = text
        text.withUTF8 { write($0, to: .stream, prefix: prefix, rank) }
    }

    /// Takes a line, or drops it; never waits for its reader.
    func write(
        _ text: UnsafeBufferPointer<UInt8>, to outlet: WaitingLines.Outlet, prefix: StaticString, _ rank: LogRank
    ) {
        let call = state.withLock { state in
            state.lines.append(text, prefix: prefix, to: outlet, rank)
            return state.call(for: rank)
        }
        switch call {
        case .none: return
        case .start: queue.async { self.drain() }
        case .hurry: hurry.change { $0 = true }
        }
    }

    /// Waits until all lines written so far have left.
    /// - Returns: whether they have, within the limit.
    @discardableResult
    package func flush(within limit: Duration = flushLimit) -> Bool {
        let done = DispatchSemaphore(value: 0)
        let isGathering = state.withLock { state in
            defer { state.work = .writing }
            state.flushes += 1
            return state.work == .gathering
        }
        if isGathering { hurry.change { $0 = true } }
        queue.async {
            self.sendWaiting()
            done.signal()
            self.state.withLock { $0.flushes -= 1 }
            self.drain()
        }
        return done.wait(timeout: .now() + limit / .seconds(1)) == .success
    }

    /// Writes until a while has passed without a line.
    private func drain() {
        while true {
            let isGathering = state.withLock { state -> Bool? in
                // The work goes on behind the flush, which waits for its turn in the queue.
                guard state.flushes == 0 else { return nil }
                state.work = state.isUrgent ? .writing : .gathering
                return !state.isUrgent
            }
            guard let isGathering else { return }
            if isGathering { hurry.wait(within: Self.gatherTime, until: { $0 }, then: { $0 = false }) }
            let isIdle = state.withLock { state in
                guard state.flushes == 0 else { return false }
                state.work = state.lines.pieces.isEmpty ? .none : .writing
                return state.lines.pieces.isEmpty
            }
            if isIdle { return }
            sendWaiting()
        }
    }

    /// Writes what waits now, and leaves what comes meanwhile.
    private func sendWaiting() {
        let count = state.withLock { state in
            state.isUrgent = false
            return state.lines.pieces.count
        }
        for _ in 0..<count { sendPiece() }
    }

    private func sendPiece() {
        let taken = state.withLock { state in state.lines.next().map { ($0, state.lines.takeDropped()) } }
        // Fewer are left where lines made way for others.
        guard let (piece, dropped) = taken else { return }
        piece.octets.withUnsafeBytes { octets in
            var start = 0
            for part in piece.parts {
                let lines = UnsafeRawBufferPointer(rebasing: octets[start..<start + part.octets])
                send(lines, to: part.outlet)
                start += part.octets
                guard start == octets.count, dropped.lines > 0 else { continue }
                // Under the journal lines begin with their priority. - sd-daemon(3)
                let prefix = lines.first == UInt8(ascii: "<") ? "<\(LOG_WARNING)>" : "warning: "
                let notice = part.outlet == .stream ? "\(prefix)\(dropped)\n" : "\(dropped)\0"
                Array(notice.utf8).withUnsafeBytes {
                    send($0, to: part.outlet == .stream ? .stream : .syslog(priority: LOG_WARNING))
                }
            }
        }
        state.withLock { state in
            state.lines.reuse(piece)
            state.droppedLines += dropped.lines
        }
    }

    private func send(_ lines: UnsafeRawBufferPointer, to outlet: WaitingLines.Outlet) {
        switch outlet {
        case .stream: send(lines)
        case .syslog(let priority):
            for line in lines.split(separator: 0) {
                // Each ends with NUL.
                let text = UnsafeRawBufferPointer(rebasing: line).assumingMemoryBound(to: CChar.self)
                guard let start = text.baseAddress else { continue }
                withVaList([start]) { vsyslog(priority, "%s", $0) }
            }
        }
    }

    private func send(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EAGAIN {
                // Somebody else made the descriptor non-blocking.
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, -1)
                continue
            }
            // Nobody is left to tell that the log is gone.
            guard count > 0 else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}

extension WaitingLines.Dropped: CustomStringConvertible {
    var description: String {
        "\(lines) log lines dropped" + (grave > 0 ? ", \(grave) of them warnings or errors" : "")
            + ", the reader of the log is too slow"
    }
}
