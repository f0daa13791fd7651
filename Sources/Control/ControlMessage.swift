// SPDX-License-Identifier: Apache-2.0

/// What a command asks of the running daemon: one line of JSON, answered by one line.
package struct ControlRequest: Codable, Sendable {
    package enum Command: String, Codable, Sendable { case status, forget, refresh }

    package let command: Command
    package let domains: [String]

    package init(_ command: Command, domains: [String] = []) {
        self.command = command
        self.domains = domains
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
