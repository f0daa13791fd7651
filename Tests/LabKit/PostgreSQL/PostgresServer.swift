// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Glibc
import TestKit

/// A real PostgreSQL server with a cluster of its own, as Debian's package has it: no writes are waited for, a crash of the
/// machine is nobody's concern here, but one of the server is. Needs the package `postgresql`, and root, of which it takes
/// nothing.
package final class PostgresServer: Sendable {
    /// Debian's user of that number is nobody's: a server refuses to be root.
    private static let user: uid_t = 65_534
    package static let password = "secret word"

    package let address: String
    package let port: Int
    private let directory: TemporaryDirectory
    private let programs: String
    private let process = Locked<BackgroundProcess?>(nil)
    /// Written once: libpq refuses a file that it sees while it is written anew.
    private let passfile = Locked<String?>(nil)

    /// Makes the cluster and starts it; ready when it returns, after a second or two.
    package init(address: String, port: Int = 5432) throws {
        self.address = address
        self.port = port
        directory = try TemporaryDirectory("sts-lab-postgres")
        programs = try Self.findPrograms()
        chown(directory.path, Self.user, Self.user)
        let secret = try directory.write("password", Self.password + "\n")
        try Command.check(
            Self.unprivileged + [
                programs + "/initdb", "--no-sync", "--pgdata", directory.path + "/data", "--username", "sts",
                "--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C",
            ])
        try start()
    }

    /// Makes a standby that follows another server, some moments behind; ready when it returns.
    package init(following primary: PostgresServer, address: String) throws {
        self.address = address
        port = primary.port
        directory = try TemporaryDirectory("sts-lab-postgres")
        programs = primary.programs
        chown(directory.path, Self.user, Self.user)
        try Command.check(
            Self.unprivileged + [
                programs + "/pg_basebackup", "--no-sync", "--pgdata", directory.path + "/data", "--write-recovery-conf",
                "--checkpoint=fast", "--wal-method=stream", "--dbname", primary.owner,
            ])
        try start()
    }

    /// Makes a standby the one that is written to.
    package func promote() throws {
        try Command.check(
            Self.unprivileged + [programs + "/pg_ctl", "promote", "--wait", "-D", directory.path + "/data"])
    }

    /// The first column of the first row, by psql.
    package func query(_ sql: String, database: String = "postgres") throws -> String {
        try Command.check(psql(database: database) + ["-c", sql]).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// How psql is called.
    package func psql(database: String = "postgres") -> [String] {
        [programs + "/psql", "-AXtq", "-d", connection(database: database)]
    }

    /// Standbys hear of nothing more: what is committed from now on is lost with this server.
    package func pauseReplication() {
        for one in processes where readFile("/proc/\(one)/cmdline").contains("walsender") { Glibc.kill(one, SIGSTOP) }
    }

    deinit { process.withLock { $0?.stop() } }

    /// The connection string of its owner.
    package var owner: String { connection() }

    package func connection(user: String = "sts", password: String = password, database: String = "postgres") -> String
    {
        "host=\(address) port=\(port) user=\(user) password='\(password)' dbname=\(database) sslmode=disable"
    }

    /// The same with the password in a file, as the settings want it.
    package func settingsConnection(user: String = "sts", database: String = "postgres") throws -> String {
        let file = try passfile.withLock { (known: inout String?) throws -> String in
            if let known { return known }
            let file = try directory.write("passfile", "*:*:*:*:\(Self.password)\n")
            chmod(file, 0o600)
            known = file
            return file
        }
        return "host=\(address) port=\(port) user=\(user) dbname=\(database) sslmode=disable passfile=\(file)"
    }

    /// Starts it after ``kill()`` or ``stop()``.
    package func start() throws {
        let before = ready
        let settings = [
            "listen_addresses=\(address)", "port=\(port)", "unix_socket_directories=", "fsync=off",
            "shared_buffers=16MB", "max_connections=60",
        ]
        let server = try BackgroundProcess(
            Self.unprivileged + [programs + "/postgres", "-D", directory.path + "/data"]
                + settings.flatMap { ["-c", $0] }, logFile: directory.path + "/log")
        process.withLock { $0 = server }
        let deadline = ContinuousClock.now + .seconds(60)
        while ready == before {
            guard server.isRunning, ContinuousClock.now < deadline else {
                throw LabError("no PostgreSQL: \(server.log)")
            }
            usleep(5000)
        }
    }

    /// How many times the log says that it takes connections.
    private var ready: Int {
        readFile(directory.path + "/log").components(separatedBy: "ready to accept ").count
    }

    package var log: String { readFile(directory.path + "/log") }

    /// Ends it in order; sessions are ended.
    package func stop() {
        process.withLock { $0 }?.signal(SIGINT)
        _ = process.withLock { $0 }?.waitForExit(within: .seconds(20))
    }

    /// Ends all of it as kill -9 does.
    package func kill() {
        // So that it starts no further one meanwhile.
        if let main = process.withLock({ $0?.processIdentifier }) { Glibc.kill(main, SIGSTOP) }
        let all = processes
        for one in all { Glibc.kill(one, SIGKILL) }
        let deadline = ContinuousClock.now + .seconds(10)
        // A new server takes the place only when none is left. A dead one that nobody has asked after is none.
        while all.dropFirst().contains(where: { !["", "Z"].contains(Self.state(of: $0)) }),
            ContinuousClock.now < deadline
        {
            usleep(1000)
        }
        _ = process.withLock { $0 }?.waitForExit(within: .seconds(20))
    }

    /// No process of it does anything until ``resume()``: connections are taken by the kernel, and nothing is answered.
    package func pause() { for one in processes { Glibc.kill(one, SIGSTOP) } }
    package func resume() { for one in processes { Glibc.kill(one, SIGCONT) } }

    /// The server's process and its children.
    private var processes: [pid_t] {
        guard let main = process.withLock({ $0?.processIdentifier }) else { return [] }
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap(pid_t.init) ?? []
        return [main]
            + all.filter { one in
                // pid (name) state parent ...
                let words = readFile("/proc/\(one)/stat").split(separator: ")").last?.split(separator: " ") ?? []
                return words.count > 1 && words[1] == "\(main)"
            }
    }

    /// The letter of proc(5); empty if there is no such process.
    private static func state(of process: pid_t) -> String {
        // pid (name) state parent ...
        readFile("/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ").first.map { String($0) }
            ?? ""
    }

    private static var unprivileged: [String] {
        ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "env", "LC_ALL=C", "HOME=/"]
    }

    private static func findPrograms() throws -> String {
        let place = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []).compactMap(Int.init)
            .sorted()
        let found = versions.reversed().map { "\(place)/\($0)/bin" }.first {
            FileManager.default.isExecutableFile(atPath: $0 + "/postgres")
        }
        guard let found else { throw LabError("no \(place)/*/bin/postgres: install the package postgresql") }
        return found
    }
}
