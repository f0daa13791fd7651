// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import LabKit
import Testing
import TestKit

@Suite("Sockets of every kind, and starts that must fail")
struct SocketScenarios {
    /// How a start that must not succeed ended.
    private func refusal(_ daemon: DaemonProcess, _ code: Int32, _ texts: String...) throws {
        let result = try daemon.command("serve", timeout: .seconds(30))
        #expect(result.status == code, "\(result)")
        for text in texts { #expect(result.errors.contains(text), "\(text) in \(result.errors)") }
    }

    /// A daemon that is not started, with a milter socket in place of the lab's.
    private func daemon(_ number: Int, socket: String, _ more: String = "") async throws -> DaemonProcess {
        let daemon = try DaemonProcess(
            address: "127.20.9.\(number)", settings: try await Lab.open().network.settings + more)
        let text = try String(contentsOfFile: daemon.configuration, encoding: .utf8)
        let own = "inet:8890@127.20.9.\(number)"
        try daemon.directory.write("sts-milter.toml", text.replacing("\"\(own)\"", with: "\"\(socket)\""))
        return daemon
    }

    /// A Postfix behind this milter.
    private func postfix(_ address: String, milter: String) async throws -> Postfix {
        var options = Postfix.Options()
        options.caFile = try await Lab.open().network.authority.caFile
        options.milters = [milter]
        return try Postfix(address: address, options: options)
    }

    @Test("a Unix socket has its mode and group, serves Postfix, is taken over when stale and never when alive")
    func unix() async throws {
        let lab = try await Lab.open()
        let directory = try TemporaryDirectory()
        let path = directory.path + "/milter.sock"
        let settings = "[milter]\nsocket_mode = \"0660\"\nsocket_group = \"postfix\"\n"
        let daemon = try await daemon(41, socket: "unix:\(path)", settings)
        try await daemon.start()
        var facts = stat()
        #expect(lstat(path, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o660)
        #expect(facts.st_gid == getgrnam("postfix")?.pointee.gr_gid)

        try lab.network.domain("k-unix.lab", plain: true)
        let postfix = try await postfix("127.20.0.41", milter: "unix:\(path)")
        defer { postfix.stop() }
        #expect(try await postfix.send(to: ["u@k-unix.lab"]).reply.enhancedCode == "4.7.4")

        let thief = try await self.daemon(42, socket: "unix:\(path)", settings)
        try refusal(
            thief, 69, "somebody answers at unix:\(path)", "stop the other instance, or set another milter.socket")
        #expect(try await postfix.send(to: ["u@k-unix.lab"]).reply.enhancedCode == "4.7.4")

        daemon.kill()
        #expect(lstat(path, &facts) == 0)
        // Postfix's default while the milter is away.
        #expect(try await postfix.send(to: ["u@k-unix.lab"]).mail.isTemporary)
        try await daemon.start()
        #expect(try await postfix.send(to: ["u@k-unix.lab"]).reply.enhancedCode == "4.7.4")
        #expect(daemon.terminate() == 0)
    }

    private static let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]

    /// Whether other users may run the program: not where it lies below /root.
    private static let othersMayRun =
        (try? Command.run(nobody + [DaemonProcess.program(), "--version"]))?.succeeded ?? false

    @Test(
        "a daemon without rights serves Postfix from a directory that gives its group to the socket",
        .enabled(if: othersMayRun))
    func unprivileged() async throws {
        let lab = try await Lab.open()
        let directory = try TemporaryDirectory()
        // As contrib/README.md says.
        try Command.check(["install", "-d", "-o", "65534", "-g", "postfix", "-m", "2750", directory.path + "/socket"])
        let path = directory.path + "/socket/milter.sock"
        let daemon = try await daemon(53, socket: "unix:\(path)")
        try Command.check(["chown", "65534:65534", daemon.directory.path])
        try lab.network.domain("k-nobody.lab", plain: true)
        let postfix = try await postfix("127.20.0.53", milter: "unix:\(path)")
        defer { postfix.stop() }
        for signal in [SIGKILL, SIGTERM] {
            let log = directory.path + "/log\(signal)"
            let process = try BackgroundProcess(
                Self.nobody + [try DaemonProcess.program(), "serve", "--config", daemon.configuration], logFile: log)
            try process.waitForLog(": serving ", within: .seconds(30))
            #expect(try await postfix.send(to: ["u@k-nobody.lab"]).reply.enhancedCode == "4.7.4")
            process.signal(signal)
            #expect(try await process.exitStatus() == (signal == SIGKILL ? 128 + SIGKILL : 0))
            // What was killed leaves its socket, which the next takes over.
            #expect(FileManager.default.fileExists(atPath: path) == (signal == SIGKILL))
        }
    }

    @Test("an IPv6 socket serves Postfix", arguments: [("inet6:8890@::1", 43), ("inet:[::1]:8891", 44)])
    func internet6(_ socket: String, _ number: Int) async throws {
        let lab = try await Lab.open()
        let daemon = try await daemon(number, socket: socket)
        try await daemon.start()
        try lab.network.domain("k-six\(number).lab", plain: true)
        let postfix = try await postfix(
            "127.20.0.\(number)", milter: "inet:[::1]:\(socket.contains("8890") ? 8890 : 8891)")
        defer { postfix.stop() }
        #expect(try await postfix.send(to: ["u@k-six\(number).lab"]).reply.enhancedCode == "4.7.4")
        #expect(daemon.terminate() == 0)
    }

    /// Listens at the address that its arguments begin with, and becomes the rest of them with that as descriptor 3.
    private static let perl = """
        use Socket; use POSIX; $^F = 9; my ($port, $host) = splice(@ARGV, 0, 2);
        socket(my $s, AF_INET, SOCK_STREAM, 0) or die; bind($s, pack_sockaddr_in($port, inet_aton($host))) or die $!;
        listen($s, 9) or die; POSIX::dup2(fileno($s), 3) if fileno($s) != 3; exec @ARGV;
        """

    /// What a sanitizer is told, where there is one (make tsan, make asan): nothing is passed on that is not named.
    private static let passedOn = ["TSAN", "ASAN", "LSAN"].flatMap { ["-E", "\($0)_OPTIONS"] }

    @Test("a socket that the service manager opened is served", arguments: [65, 66])
    func socketActivation(_ number: Int) async throws {
        let systemd = "/usr/bin/systemd-socket-activate"
        // The real one where there is one; it starts the daemon at the first connection.
        guard number == 65 || FileManager.default.isExecutableFile(atPath: systemd) else { return }
        let lab = try await Lab.open()
        let daemon = try await daemon(number, socket: "fd:3")
        let launcher =
            number == 65
            ? ["perl", "-e", Self.perl, "8890", daemon.address]
            : [systemd] + Self.passedOn + ["-l", "\(daemon.address):\(daemon.port)"]
        let process = try BackgroundProcess(
            launcher + [try DaemonProcess.program(), "serve", "--config", daemon.configuration],
            logFile: daemon.directory.path + "/log")
        try await daemon.waitForLog(number == 65 ? ": serving " : "Listening on")
        try lab.network.domain("k-fd\(number).lab", plain: true)
        let postfix = try await postfix("127.20.0.\(number)", milter: daemon.milter)
        defer { postfix.stop() }
        #expect(try await postfix.send(to: ["u@k-fd\(number).lab"]).reply.enhancedCode == "4.7.4")
        process.signal(SIGTERM)
        #expect(try await process.exitStatus() == 0)
        #expect(daemon.log.contains("stopped"))
    }

    @Test("fd:N that is no listening socket is refused")
    func noSocket() async throws {
        try refusal(
            try await daemon(47, socket: "fd:3"), 69, "fd:3 is not a listening socket", "set another milter.socket")
    }

    @Test("the service manager hears of readiness, reload and stop, each when it is true", arguments: [false, true])
    func notify(isAbstract: Bool) async throws {
        let lab = try await Lab.open()
        let directory = try TemporaryDirectory()
        let manager = try NotifySocket(isAbstract ? "@sts-lab-\(getpid())" : directory.path + "/notify")
        let number = isAbstract ? 50 : 51
        let daemon = try await daemon(number, socket: "inet:8890@127.20.9.\(number)")
        try lab.network.domain("k-notify\(number).lab", plain: true)
        let postfix = try await postfix("127.20.0.\(number)", milter: daemon.milter)
        defer { postfix.stop() }
        let process = try BackgroundProcess(
            [try DaemonProcess.program(), "serve", "--config", daemon.configuration],
            logFile: daemon.directory.path + "/log", environment: ["NOTIFY_SOCKET": manager.name])
        #expect(try await manager.next().contains("READY=1"))
        // It answers from this moment on; without a milter Postfix's own reply is another.
        #expect(try await postfix.send(to: ["u@k-notify\(number).lab"]).reply.enhancedCode == "4.7.4")
        process.signal(SIGHUP)
        let reloading = try await manager.next()
        #expect(reloading.contains("RELOADING=1"))
        #expect(reloading.contains { $0.hasPrefix("MONOTONIC_USEC=") })
        #expect(try await manager.next().contains("READY=1"))
        #expect(daemon.log.contains("settings reloaded"))
        process.signal(SIGTERM)
        #expect(try await manager.next().contains("STOPPING=1"))
        #expect(try await process.exitStatus() == 0)
        #expect(manager.poll() == nil)
    }

    @Test("a port in use is an error that says so, and the service manager never hears READY")
    func portInUse() async throws {
        let directory = try TemporaryDirectory()
        let manager = try NotifySocket(directory.path + "/notify")
        let occupant = try MXServer(address: "127.20.9.48", port: 8890, hostName: "mx.k-port.lab", credential: nil)
        defer { occupant.stop() }
        let daemon = try await daemon(48, socket: "inet:8890@127.20.9.48")
        let result = try Command.run(
            [try DaemonProcess.program(), "serve", "--config", daemon.configuration],
            environment: ["NOTIFY_SOCKET": manager.name], timeout: .seconds(30))
        #expect(result.status == 69, "\(result)")
        #expect(result.errors.contains("somebody answers at inet:8890@127.20.9.48"), "\(result)")
        #expect(manager.poll() == nil)
        #expect(!FileManager.default.fileExists(atPath: daemon.directory.path + "/control.sock"))
        // An address that the machine does not have.
        try refusal(
            try await self.daemon(48, socket: "inet:8890@192.0.2.1"), 69,
            "cannot listen at inet:8890@192.0.2.1: this machine does not have that address: ")
        try refusal(
            try await self.daemon(48, socket: "inet:8890@nohost.invalid"), 69, "no address of 'nohost.invalid' is known"
        )
        try directory.write("file", "")
        try refusal(
            try await self.daemon(48, socket: "unix:\(directory.path)/file"), 69,
            "/file exists and is no socket: move it away, or set another milter.socket")
        try refusal(
            try await self.daemon(48, socket: "unix:/nonexistent/milter.sock"), 69,
            "milter.socket: there is no directory /nonexistent: install -d ", "or set another milter.socket")
        #expect(!FileManager.default.fileExists(atPath: "/nonexistent"))
        try refusal(
            try await self.daemon(
                48, socket: "unix:\(directory.path)/m", "[milter]\nsocket_group = \"no-such-group\"\n"), 69,
            "'no-such-group': no such group")
    }

    @Test("wrong settings end the start with 78, and each is named by file and line")
    func settings() async throws {
        let daemon = try await daemon(49, socket: "inet:99999@127.0.0.1", "on_violation = \"reject\"\n")
        let text = try String(contentsOfFile: daemon.configuration, encoding: .utf8)
        let line =
            try #require(
                text.split(separator: "\n", omittingEmptySubsequences: false)
                    .firstIndex { $0.contains("99999") }) + 1
        try refusal(
            daemon, 78, "sts-milter.toml:\(line): milter.socket: port '99999' is not a number from 1 to 65535",
            "network.on_violation: unknown key")
        try daemon.directory.write("sts-milter.toml", "[milter\n")
        try refusal(daemon, 78, "critical: cannot start: ", "sts-milter.toml:1")
        try FileManager.default.removeItem(atPath: daemon.configuration)
        try refusal(daemon, 78, "sts-milter.toml")
    }
}
