// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import LabKit
import TestKit
import Testing

@Suite("Directories of sockets and store that are missing, closed or something else")
struct ServiceDirectoryScenarios {
    static let keys = ["milter.socket", "policy_map.socket", "control.socket", "intake.tlsrpt_socket"]

    /// A daemon that is not started, one of whose sockets lies at this path.
    private func daemon(_ key: String, at path: String) async throws -> DaemonProcess {
        let daemon = try DaemonProcess(address: "127.20.9.72", settings: try await Lab.open().network.settings)
        let parts = key.split(separator: ".")
        let value = key.hasPrefix("intake") || key.hasPrefix("control") ? path : "unix:\(path)"
        let line = "\(parts[1]) = \"\(value)\"\n"
        var text = try String(contentsOfFile: daemon.configuration, encoding: .utf8)
        if let table = text.range(of: "[\(parts[0])]\n") {
            let old = text[table.upperBound...].prefix { $0 != "\n" }
            text.replaceSubrange(old.startIndex...old.endIndex, with: line)
        } else {
            text += "[\(parts[0])]\n" + line
        }
        try daemon.directory.write("sts-milter.toml", text)
        return daemon
    }

    /// The one line of a start that must fail.
    private func refusal(_ daemon: DaemonProcess, by user: [String] = []) throws -> String {
        let result = try Command.run(
            user + [try DaemonProcess.program(), "serve", "--config", daemon.configuration], timeout: .seconds(30))
        #expect(result.status == 69, "\(result)")
        let lines = result.errors.split(separator: "\n").filter { $0.contains("cannot start") }
        #expect(lines.count == 1, "\(result)")
        return lines.first.map(String.init) ?? ""
    }

    @Test("each names its setting, the place and the cure", arguments: keys)
    func faults(_ key: String) async throws {
        let directory = try TemporaryDirectory()
        let missing = directory.path + "/missing"
        let line = try refusal(try await daemon(key, at: missing + "/s.sock"))
        #expect(
            line.hasSuffix(
                "\(key): there is no directory \(missing): install -d -o root -m 0755 \(missing), or set another \(key)"
            ), "\(line)")
        #expect(!FileManager.default.fileExists(atPath: missing))

        let file = try directory.write("file", "mail")
        for path in [file + "/s.sock", file + "/deeper/s.sock"] {
            let line = try refusal(try await daemon(key, at: path))
            #expect(line.contains("\(key): \(file)") && line.contains("is no directory: move it away"), "\(line)")
        }
        // Something else at the path itself is left alone.
        let line2 = try refusal(try await daemon(key, at: file))
        #expect(line2.contains("socket") && line2.contains(file), "\(line2)")
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "mail")
    }

    @Test("a socket of a daemon that died is taken over, one of a daemon that lives is not", arguments: keys)
    func stale(_ key: String) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/s.sock"
        let first = try await daemon(key, at: path)
        try await first.start()
        let line = try refusal(try await daemon(key, at: path))
        #expect(line.contains(path) && line.contains("other"), "\(line)")
        first.kill()
        #expect(FileManager.default.fileExists(atPath: path))
        try await first.start()
        #expect(first.terminate() == 0)
    }

    private static let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]

    /// Whether other users may run the program: not where it lies below /root.
    private static let othersMayRun =
        (try? Command.run(nobody + [DaemonProcess.program(), "--version"]))?.succeeded ?? false

    @Test("a directory of another user's is told of with the user's name", .enabled(if: othersMayRun), arguments: keys)
    func closed(_ key: String) async throws {
        let directory = try TemporaryDirectory()
        let daemon = try await daemon(key, at: directory.path + "/s.sock")
        try Command.check(["chown", "-R", "65534:65534", daemon.directory.path])
        let line = try refusal(daemon, by: Self.nobody)
        #expect(
            line.contains("\(key): user nobody cannot make a socket in \(directory.path) (Permission denied)"),
            "\(line)")
        // Where it may not make a directory of its own.
        let own = try await self.daemon(key, at: "/run/sts-lab-none/s.sock")
        try Command.check(["chown", "-R", "65534:65534", own.directory.path])
        let denied = try refusal(own, by: Self.nobody)
        #expect(
            denied.contains(
                "there is no directory /run/sts-lab-none and it cannot be made (Permission denied): install -d -o nobody"
            ),
            "\(denied)")
    }

    @Test("on a machine without /run/sts-milter and /var/lib/sts-milter the daemon makes both and serves")
    func bare() async throws {
        let lab = try await Lab.open()
        let directory = try TemporaryDirectory()
        let settings =
            lab.network.settings + """
                [milter]
                socket = "unix:/run/sts-milter/milter.sock"
                [policy_map]
                socket = "unix:/run/sts-milter/map.sock"

                """
        let file = try directory.write("sts-milter.toml", settings)
        // Directories of its own over those of the machine; store and control socket are where they are by default.
        let script = """
            umask 077; mount -t tmpfs none /run && mount -t tmpfs none /var/lib
            "$0" serve --config "$1" & daemon=$!
            for _ in $(seq 300); do [ -S /run/sts-milter/map.sock ] && [ -S /run/sts-milter/milter.sock ] && break; sleep 0.1; done
            stat -c '%n %a %F' /run/sts-milter /var/lib/sts-milter /run/sts-milter/*.sock
            kill $daemon; wait $daemon
            """
        let result = try Command.run(
            ["unshare", "-m", "sh", "-c", script, try DaemonProcess.program(), file], timeout: .seconds(60))
        #expect(result.succeeded, "\(result)")
        for line in [
            "/run/sts-milter 755 directory", "/var/lib/sts-milter 750 directory",
            "/run/sts-milter/milter.sock 660 socket", "/run/sts-milter/map.sock 660 socket",
            "/run/sts-milter/control.sock 600 socket",
        ] {
            #expect(result.output.contains(line + "\n"), "\(result)")
        }
        for place in ["/run/sts-milter", "/var/lib/sts-milter"] {
            #expect(result.errors.contains("directory made directory=\(place)"), "\(result)")
        }
    }
}
