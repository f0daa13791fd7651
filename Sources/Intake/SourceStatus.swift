// SPDX-License-Identifier: Apache-2.0
import Basics
import MailLog

/// What was read of a source, and what keeps it from being read at this moment, for an administrator who asks.
package final class SourceStatus: Sendable {
    private struct State {
        var problem: String?
        var sessions = 0
        var unread = UnreadLines()
    }

    private let state = Locked(State())

    package init() {}

    /// Safe to print; nil while all is well.
    package var text: String? { state.withLock { $0.problem } }
    /// Sessions found since the start.
    package var sessions: Int { state.withLock { $0.sessions } }
    /// Lines since the start that tell of sessions and cannot be read.
    package var unread: UnreadLines { state.withLock { $0.unread } }

    func set(problem text: String) { state.withLock { $0.problem = printable(text, limit: 500) } }
    func clear() { state.withLock { $0.problem = nil } }
    func add(sessions: Int) { state.withLock { $0.sessions += sessions } }
    func add(_ unread: UnreadLines) { state.withLock { $0.unread.add(unread) } }
}
