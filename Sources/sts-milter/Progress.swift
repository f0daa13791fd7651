// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// How far a long command is, in one line of standard error; nothing where that is no terminal.
final class Progress: Sendable {
    /// Between two looks of the line.
    private static let interval = Duration.milliseconds(100)
    private static let barColumns = 30

    private struct State {
        var last: ContinuousClock.Instant?
        var columns = 0
    }

    private let isShown = isatty(STDERR_FILENO) == 1
    private let state = Locked(State())

    /// Shows a text in place of the one before.
    /// - Parameter always: false leaves it out when the last one is younger than a tenth of a second.
    func show(_ text: @autoclosure () -> String, always: Bool = false) {
        guard isShown else { return }
        let text = text()
        state.withLock { state in
            let now = ContinuousClock.now
            if !always, let last = state.last, now < last + Self.interval { return }
            state.last = now
            Self.write(text, &state)
        }
    }

    /// Shows a bar: `[#####.....] 50 of 100 domains`.
    func show(_ done: Int, of all: Int, _ what: String) {
        let filled = all > 0 ? done * Self.barColumns / all : Self.barColumns
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.barColumns - filled)
        show("[\(bar)] \(done) of \(all) \(what)", always: done == all)
    }

    /// Takes the line away.
    func end() { state.withLock { if $0.columns > 0 { Self.write("", &$0) } } }

    private static func write(_ text: String, _ state: inout State) {
        let rest = String(repeating: " ", count: max(0, state.columns - text.utf8.count))
        state.columns = text.utf8.count
        writeError("\r\(text)\(rest)" + (text.isEmpty ? "\r" : ""))
    }
}
