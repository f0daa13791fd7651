// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Glibc
import MTACheck
import Processes
import SMTP

/// Carries a plan for Postfix out, step by step; each is checked before the next one.
///
/// sts-milter comes first: it serves before Postfix is told to ask. Where a step or a check fails, all files are put back
/// as they were before this run, and both programs read them: mail must neither wait for a map that does not answer, nor
/// lose the guard that an earlier run has set up.
package struct SetupRun: Sendable {
    /// How long a program may take; a restart of the daemon waits until it serves.
    private static let programLimit = Duration.seconds(90)
    /// Octets of a program's words.
    private static let outputLimit = 1 << 20
    /// How long the daemon may take to serve once it was started.
    private static let startLimit = Duration.seconds(60)
    private static let lookInterval = Duration.milliseconds(200)
    /// How long Postfix may take for a reply.
    private static let sessionLimit = Duration.seconds(20)
    /// A name that has no policy, and whose next hop is nowhere. - RFC 2606 §2: Reserved TLDs.
    private static let testDomain = "setup.invalid"

    /// The commands of this machine.
    package struct Commands: Sendable {
        package var postconf: Program
        package var postmap: Program
        package var reload: Program
        package var restart: Program
        /// Before the restart, where systemd has to read its files again.
        package var before: [Program] = []

        package init(postconf: Program, postmap: Program, reload: Program, restart: Program) {
            self.postconf = postconf
            self.postmap = postmap
            self.reload = reload
            self.restart = restart
        }
    }

    /// How many connections the daemon's milter has now; nil while it does not serve.
    package typealias Connections = @Sendable () async -> Int?

    let plan: SetupPlan
    let commands: Commands
    let backup: SetupBackup
    /// Where Postfix takes mail.
    let server: (address: IPAddress, port: UInt16)
    let connections: Connections
    /// What `check-mta` finds now.
    let check: @Sendable () async throws -> [Diagnostic]
    let say: @Sendable (String) -> Void

    package init(
        _ plan: SetupPlan, _ commands: Commands, backup: SetupBackup, server: (IPAddress, UInt16),
        connections: @escaping Connections, check: @escaping @Sendable () async throws -> [Diagnostic],
        say: @escaping @Sendable (String) -> Void
    ) {
        self.plan = plan
        self.commands = commands
        self.backup = backup
        self.server = (server.0, server.1)
        self.connections = connections
        self.check = check
        self.say = say
    }

    package func apply() async throws {
        let paths = [plan.settingsFile, plan.mtaFile] + plan.files.map(\.path)
        let before = try FileStates(of: paths)
        try backup.keep(before)
        do {
            try writeFiles()
            try backup.noteWritten()
            say("sts-milter: settings written, starting it with them")
            for program in commands.before + [commands.restart] { try await run(program) }
            try await waitForDaemon()
            say("sts-milter: serves")
            try await tellPostfix()
            try await verify()
        } catch { throw await putBack(before, because: error) }
    }

    private func putBack(_ before: FileStates, because cause: any Error) async -> SetupError {
        do {
            let files = try before.restore()
            try backup.noteRestored()
            try await Self.restart(commands)
            return SetupError("\(cause)\nput back as before this run: \(files.joined(separator: ", "))")
        } catch {
            return SetupError("\(cause)\nnot all could be put back: \(error); try setup postfix --undo --force")
        }
    }

    /// Puts all back, and has both programs read it.
    package static func undo(_ backup: SetupBackup, force: Bool, _ commands: Commands) async throws -> [String] {
        let files = try backup.undo(force: force)
        try await restart(commands)
        return files
    }

    /// Has both programs read what was put back. Postfix first: it must not ask who no longer answers.
    private static func restart(_ commands: Commands) async throws {
        for program in [commands.reload] + commands.before + [commands.restart] { try await run(program) }
    }

    private func writeFiles() throws(SetupError) {
        for file in plan.files {
            let folder = URL(fileURLWithPath: file.path).deletingLastPathComponent().path
            do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
                throw SetupError("\(folder) cannot be made: \(fileFailure(error))")
            }
            try SetupBackup.replace(file.path, by: Data(file.text.utf8))
        }
        guard !plan.settings.isEmpty else { return }
        // Where there was none, the daemon's user has to read it: setup writes no secret.
        try SetupBackup.replace(plan.settingsFile, by: Data(plan.settingsText.utf8))
    }

    private func waitForDaemon() async throws {
        let end = ContinuousClock.now + Self.startLimit
        while await connections() == nil {
            guard .now < end else {
                throw SetupError(
                    "sts-milter does not serve with its new settings: see its log; Postfix was not touched")
            }
            try await Task.sleep(for: Self.lookInterval)
        }
    }

    private func tellPostfix() async throws {
        guard !plan.parameters.isEmpty else { return }
        let assignments = plan.parameters.map { "\($0.name) = \($0.value)" }
        try await run(
            Program(
                commands.postconf.path, commands.postconf.arguments + ["-e"] + assignments,
                environment: commands.postconf.environment))
        try backup.noteWritten()
        try await run(commands.reload)
        say("Postfix: \(plan.parameters.count) parameters set, reloaded")
    }

    /// Nothing is missing by the rules, the map answers, and Postfix brings a recipient to the milter.
    private func verify() async throws {
        let problems = try await check().filter { $0.severity == .problem && !plan.left.contains($0) }
        if let problem = problems.first {
            throw SetupError("check-mta still finds (\(problem.topic)): \(problem.text)")
        }
        say("check-mta: no problem that setup can mend")
        if let map = plan.map {
            let program = Program(
                commands.postmap.path, commands.postmap.arguments + ["-q", Self.testDomain, map],
                environment: commands.postmap.environment)
            let said = try await program.run(within: Self.programLimit, outputLimitBytes: Self.outputLimit)
            // Without an answer, which is right here, postmap ends with 1 and says nothing.
            guard said.status <= 1, said.errors.isEmpty else {
                throw SetupError("the policy map does not answer: \(Self.words(said))")
            }
            say("policy map: answers")
        }
        try await session()
        say("milter: asked for a test recipient, nothing was sent")
    }

    /// A session up to the recipient, which goes no further; in it the milter must have a connection.
    private func session() async throws {
        let connector = try Connector()
        defer { connector.shutdown() }
        let end = ContinuousClock.now + Self.sessionLimit
        let stream = try await connector.connect(to: server.address, port: server.port, by: end)
        let smtp = SMTPConnection(
            stream, heloName: "setup.invalid", commandTimeout: Self.sessionLimit, deadline: end)
        _ = try await smtp.greeting()
        _ = try await smtp.hello()
        let sender = try await smtp.command("MAIL FROM:<>")
        _ = try await smtp.command("RCPT TO:<test@\(Self.testDomain)>")
        let during = await connections() ?? 0
        await smtp.quit()
        await stream.close()
        guard sender.code == 250 else { throw SetupError("Postfix takes no mail: \(sender.text)") }
        guard during > 0 else {
            throw SetupError("Postfix does not ask the milter: see its log for \"connect to Milter service\"")
        }
    }

    private func run(_ program: Program) async throws { try await Self.run(program) }

    private static func run(_ program: Program) async throws {
        let shown = ([program.path] + program.arguments).joined(separator: " ")
        let said: ProgramOutput
        do { said = try await program.run(within: programLimit, outputLimitBytes: outputLimit) } catch {
            throw SetupError("\(shown): \(error)")
        }
        guard said.status == 0 else { throw SetupError("\(shown): \(words(said))") }
    }

    private static func words(_ said: ProgramOutput) -> String {
        let text = printable(
            String(decoding: said.errors.isEmpty ? said.output : said.errors, as: UTF8.self), limit: 500)
        return text.isEmpty ? "ended with status \(said.status)" : text
    }
}
