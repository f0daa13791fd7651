// SPDX-License-Identifier: Apache-2.0
import Basics
import MailLog

/// What was read of a source, and what keeps it from being read at this moment, for an administrator who asks.
package final class SourceStatus: Sendable {
    private struct State {
        var problem: String?
        var sessions = 0
        var lines = 0
        var unread = UnreadLines()
        var readAt: UTCTime?
        var caughtUpAt: UTCTime?
    }

    private let state = Locked(State())

    package init() {}

    /// Safe to print; nil while all is well.
    package var text: String? { state.withLock { $0.problem } }
    /// Sessions found since the start.
    package var sessions: Int { state.withLock { $0.sessions } }
    /// Lines since the start that could be read, whatever they tell of.
    package var lines: Int { state.withLock { $0.lines } }
    /// Lines since the start that tell of sessions and cannot be read.
    package var unread: UnreadLines { state.withLock { $0.unread } }

    /// When something new was last read; nil if nothing was since the start.
    package var readAt: UTCTime? { state.withLock { $0.readAt } }
    /// When the end of what is there was last reached: what came since then waits.
    package var caughtUpAt: UTCTime? { state.withLock { $0.caughtUpAt } }

    func noteRead(at now: UTCTime) { state.withLock { $0.readAt = now } }
    func noteEnd(at now: UTCTime) { state.withLock { $0.caughtUpAt = now } }
    func set(problem text: String) { state.withLock { $0.problem = printable(text, limit: 500) } }
    func clear() { state.withLock { $0.problem = nil } }
    func add(sessions: Int, lines: Int) {
        state.withLock { state in
            state.sessions += sessions
            state.lines += lines
        }
    }
    func add(_ unread: UnreadLines) { state.withLock { $0.unread.add(unread) } }
}
