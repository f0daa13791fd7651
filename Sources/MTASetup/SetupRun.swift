// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Glibc
import MTACheck
import Processes

/// Carries a plan out, step by step; each is checked before the next one. The steps are the same for every MTA; what
/// differs is its ``MTAControl``.
///
/// sts-milter comes first: it serves before the MTA is told to ask. Where a step or a check fails, all files are put back
/// as they were before this run, and both programs read them: mail must neither wait for a map that does not answer, nor
/// lose the guard that an earlier run has set up.
package struct SetupRun: Sendable {
    /// How long the daemon may take to serve once it was started.
    private static let startLimit = Duration.seconds(60)
    /// What no table knows. - RFC 2606 §2: Reserved TLDs.
    private static let unknownDomain = "sts-milter-test.invalid"
    private static let lookInterval = Duration.milliseconds(200)

    /// How many connections the daemon's milter has now; nil while it does not serve.
    package typealias Connections = @Sendable () async -> Int?

    let plan: SetupPlan
    let daemon: DaemonControl
    let mta: any MTAControl
    let backup: SetupBackup
    /// Where the MTA takes mail.
    let server: (address: IPAddress, port: UInt16)
    let connections: Connections
    /// What `check-mta` finds now.
    let check: @Sendable () async throws -> [Diagnostic]
    let say: @Sendable (String) -> Void

    package init(
        _ plan: SetupPlan, _ daemon: DaemonControl, _ mta: any MTAControl, backup: SetupBackup,
        server: (IPAddress, UInt16), connections: @escaping Connections,
        check: @escaping @Sendable () async throws -> [Diagnostic], say: @escaping @Sendable (String) -> Void
    ) {
        self.plan = plan
        self.daemon = daemon
        self.mta = mta
        self.backup = backup
        self.server = (server.0, server.1)
        self.connections = connections
        self.check = check
        self.say = say
    }

    package func apply() async throws {
        let ours = (plan.settingsFiles + plan.files + plan.mtaFiles).map(\.path)
        var before = try FileStates(of: ours + mta.files)
        try backup.keep(before)
        do {
            for file in plan.files + plan.settingsFiles { try write(file) }
            try backup.noteWritten()
            say("sts-milter: settings written, starting it with them")
            try await daemon.restart()
            try await waitForDaemon()
            say("sts-milter: serves")
            try await tell(&before)
            try await verify()
        } catch {
            before.add(new: mta.files)
            throw await putBack(before, because: error)
        }
    }

    private func putBack(_ before: FileStates, because cause: any Error) async -> SetupError {
        do {
            let files = try before.restore()
            try backup.noteRestored()
            try await Self.restart(daemon, mta)
            return SetupError("\(cause)\nput back as before this run: \(files.joined(separator: ", "))")
        } catch {
            return SetupError("\(cause)\nnot all could be put back: \(error); try setup --undo --force")
        }
    }

    /// Puts all back, and has both programs read it.
    package static func undo(
        _ backup: SetupBackup, force: Bool, _ daemon: DaemonControl, _ mta: any MTAControl
    ) async throws -> [String] {
        let files = try backup.undo(force: force)
        try await restart(daemon, mta)
        return files
    }

    /// Has both programs read what was put back. The MTA first: it must not ask who no longer answers.
    private static func restart(_ daemon: DaemonControl, _ mta: any MTAControl) async throws {
        try await mta.restart()
        try await daemon.restart()
    }

    private func write(_ file: SetupPlan.File) throws(SetupError) {
        for folder in FileStates.missingFolders(above: file.path).reversed() {
            // Whatever the umask is: the daemon's user has to get there.
            guard mkdir(folder, 0o755) == 0, chmod(folder, 0o755) == 0 else {
                throw SetupError("\(folder) cannot be made: \(String(cString: strerror(errno)))")
            }
        }
        // The daemon's user has to read what is new: setup writes no secret.
        try SetupBackup.replace(file.path, by: Data(file.text.utf8))
    }

    private func waitForDaemon() async throws {
        let end = ContinuousClock.now + Self.startLimit
        while await connections() == nil {
            guard .now < end else {
                throw SetupError(
                    "sts-milter does not serve with its new settings: see its log; \(mta.name) was not touched")
            }
            try await Task.sleep(for: Self.lookInterval)
        }
    }

    private func tell(_ before: inout FileStates) async throws {
        guard !plan.mta.isEmpty || !plan.mtaFiles.isEmpty else { return }
        for file in plan.mtaFiles { try write(file) }
        try await mta.change(plan)
        // What the MTA's own tools have made beside it.
        before.add(new: mta.files)
        try backup.keep(before)
        try backup.noteWritten()
        try await mta.restart()
        say("\(mta.name): \(plan.mta.count) lines set, and read")
    }

    /// Nothing is missing by the rules, the map answers, and the MTA brings a recipient to the milter.
    private func verify() async throws {
        let problems = try await check().filter { $0.severity == .problem && !plan.left.contains($0) }
        if let problem = problems.first {
            throw SetupError("check-mta still finds (\(problem.topic)): \(problem.text)")
        }
        say("check-mta: no problem that setup can mend")
        if let map = plan.map {
            try await mta.ask(map: map, for: TestSession.domain)
            say("policy map: answers")
        }
        // One that cannot be read holds all mail by SMTP.
        for table in plan.tables where table != plan.map { try await mta.ask(map: table, for: Self.unknownDomain) }
        try await TestSession(server: server, mta: mta.name, connections: connections).run()
        say("milter: asked for a test recipient, nothing was sent")
    }
}
