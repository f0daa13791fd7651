// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import LabKit
import Testing

@Suite("A log that nobody reads")
struct StuckLogScenarios {
    private static let messages = 500

    enum Log: CaseIterable { case stderr, syslog }

    /// Puts a directory of its own over /dev, with a log socket in it; the daemon sees it alone.
    private static let ownDevices = """
        set -e; socket=$0; old=$(dirname "$socket")/dev; mkdir "$old"; mount --rbind /dev "$old"
        mount -t tmpfs tmpfs /dev
        for name in null zero full random urandom; do : >/dev/$name; mount --bind "$old/$name" /dev/$name; done
        ln -s "$socket" /dev/log
        exec "$@"
        """

    /// A file in which everything that is written waits, since it is full from the start.
    private func fullPipe(_ path: String) throws -> FileHandle {
        #expect(mkfifo(path, 0o600) == 0)
        let descriptor = Glibc.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw LabError("cannot open \(path)") }
        while Glibc.write(descriptor, "x", 1) == 1 {}
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    @Test("every RCPT is answered, and the daemon ends in order")
    func stuck() async throws {
        // At once, since each gives its log some seconds at the end.
        async let ofPipe: Void = stuck(.stderr)
        async let ofSocket: Void = stuck(.syslog)
        _ = try await (ofPipe, ofSocket)
    }

    private func stuck(_ log: Log) async throws {
        let network = try await Lab.open().network
        let number = log == .stderr ? 21 : 22
        let daemon = try DaemonProcess(
            address: "127.20.10.\(number)",
            settings: network.settings + "[log]\nlevel = \"debug\"\n" + (log == .syslog ? "target = \"syslog\"\n" : ""))
        let manager = try NotifySocket(daemon.directory.path + "/notify")
        let serve = [try DaemonProcess.program(), "serve", "--config", daemon.configuration]
        let pipe = try fullPipe(daemon.directory.path + "/pipe")
        let socket = try NotifySocket(daemon.directory.path + "/log.sock")
        let process = try BackgroundProcess(
            log == .syslog ? ["unshare", "-m", "sh", "-c", Self.ownDevices, socket.name] + serve : serve,
            logFile: daemon.directory.path + (log == .stderr ? "/pipe" : "/log"),
            environment: ["NOTIFY_SOCKET": manager.name])
        #expect(try await manager.next().contains("READY=1"))
        let domain = "j-stuck\(number).lab"
        try network.domain(domain, plain: true)
        let client = try MilterClient(address: daemon.address, port: daemon.port)
        _ = try client.negotiate()
        for _ in 0..<Self.messages {
            try client.mail("<s@client.lab>")
            let reply = try client.recipient("<u@\(domain)>")
            guard reply.command == "y" else { throw LabError("\(log): \(reply)") }
            try client.abort()
        }
        // It was the log's own turn to wait: not a line more than the socket's queue holds has left.
        if log == .syslog { #expect(socket.poll() != nil) }
        process.signal(SIGTERM)
        #expect(try await process.exitStatus(within: .seconds(25)) == 0, "\(log)")
        try pipe.close()
    }
}
