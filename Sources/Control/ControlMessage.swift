// SPDX-License-Identifier: Apache-2.0

/// What a command asks of the running daemon: one line of JSON, answered by one line.
package struct ControlRequest: Codable, Sendable {
    package enum Command: String, Codable, Sendable { case status, forget, refresh, pause, resume }

    package let command: Command
    package let domains: [String]
    /// How long, for `pause`.
    package let seconds: Int64?

    package init(_ command: Command, domains: [String] = [], seconds: Int64? = nil) {
        self.command = command
        self.domains = domains
        self.seconds = seconds
    }
}

/// The daemon's answer: lines for a person.
package struct ControlReply: Codable, Sendable {
    package let succeeded: Bool
    package let lines: [String]

    package init(succeeded: Bool, lines: [String]) {
        self.succeeded = succeeded
        self.lines = lines
    }
}
