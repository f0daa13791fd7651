// SPDX-License-Identifier: Apache-2.0
import NIOCore
import Status

/// What a command asks of the running daemon: one line of JSON, answered by one line.
package struct ControlRequest: Codable, Sendable {
    package enum Command: String, Codable, Sendable { case status, forget, refresh, pause, resume }

    package let command: Command
    package let domains: [String]
    /// How long, for `pause`.
    package let seconds: Int64?
    /// Until when the answer is waited for, in nanoseconds since this machine's start; nil: for ever. What a daemon that
    /// hung comes to later is nobody's wish any more.
    var wantedUntil: UInt64?

    var isWanted: Bool { wantedUntil.map { $0 >= NIODeadline.now().uptimeNanoseconds } ?? true }

    package init(_ command: Command, domains: [String] = [], seconds: Int64? = nil) {
        self.command = command
        self.domains = domains
        self.seconds = seconds
    }
}

/// The daemon's answer: lines for a person, and of its status all that is in them.
package struct ControlReply: Codable, Sendable {
    package let succeeded: Bool
    package let lines: [String]
    /// The answer to ``ControlRequest/Command/status``.
    package let status: StatusReport?

    package init(succeeded: Bool, lines: [String], status: StatusReport? = nil) {
        self.succeeded = succeeded
        self.lines = lines
        self.status = status
    }
}
