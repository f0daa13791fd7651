// SPDX-License-Identifier: Apache-2.0
import Basics
import Processes

/// How an MTA on this machine is changed, started anew and asked.
package protocol MTAControl: Sendable {
    /// As its authors write it.
    var name: String { get }
    /// Files of its configuration that a change touches, as they are there now.
    var files: [String] { get }
    /// Makes the changes for the MTA; files that the plan has whole are written already.
    func change(_ plan: SetupPlan) async throws
    /// Has it read its configuration.
    func restart() async throws
    /// Throws if the policy map does not answer; that it has nothing for the domain is an answer.
    func ask(map: String, for domain: String) async throws
}

/// How sts-milter is started anew.
package struct DaemonControl: Sendable {
    private let commands: [Program]

    /// - Parameter command: for sh(1); nil for systemd, which then reads its files again as well.
    package init(_ command: String?) {
        commands =
            command.map { [.shell($0)] } ?? [
                // Without it a limit of the kernel that setup writes would count from the next boot on.
                Program("/usr/bin/systemctl", ["restart", "systemd-sysctl"]),
                Program("/usr/bin/systemctl", ["daemon-reload"]),
                Program("/usr/bin/systemctl", ["restart", "sts-milter"]),
            ]
    }

    func restart() async throws { for command in commands { try await command.carryOut() } }
}

extension Program {
    /// How long a program may take; a restart of the daemon waits until it serves.
    private static let limit = Duration.seconds(90)
    /// Octets of a program's words.
    private static let outputLimit = 1 << 20

    package static func shell(_ text: String) -> Program { Program("/bin/sh", ["-c", text]) }

    /// Runs it and gives what it said, whatever its status.
    /// - Parameter lines: what it reads on standard input.
    func said(to lines: String...) async throws(SetupError) -> ProgramOutput {
        let question = Array(lines.map { $0 + "\n" }.joined().utf8)
        do {
            return try await run(reading: question, within: Self.limit, outputLimitBytes: Self.outputLimit)
        } catch {
            throw SetupError("\(shown): \(error)")
        }
    }

    /// Runs it; another status than 0 is an error in its own words.
    @discardableResult
    func carryOut() async throws(SetupError) -> ProgramOutput {
        let said = try await said()
        guard said.status == 0 else { throw SetupError("\(shown): \(said.words)") }
        return said
    }

    private var shown: String { ([path] + arguments).joined(separator: " ") }
}

extension ProgramOutput {
    /// What it said, for the administrator.
    var words: String {
        var said = String(decoding: errors.isEmpty ? output : errors, as: UTF8.self)
        while said.last?.isWhitespace == true { said.removeLast() }
        let text = printable(said, limit: 500)
        return text.isEmpty ? "ended with status \(status)" : text
    }
}
