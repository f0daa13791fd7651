// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import LabKit
import Testing

@Suite("On a real Postfix: a pause lets all mail go")
struct PauseScenarios {
    private static let address = "127.20.0.177"
    private static let gate = 177

    /// A Postfix with milter and map of the gate.
    private func postfix(_ network: TestNetwork) throws -> Postfix {
        var options = MapLab.options(network, map: MapLab.map(Self.gate))
        options.milters = ["{ inet:127.20.9.\(Self.gate):8890, default_action=tempfail, command_timeout=10s }"]
        return try Postfix(address: Self.address, options: options)
    }

    private func lookUp(_ postfix: Postfix, _ domain: String) throws -> String? {
        try postfix.lookUp(domain, in: MapLab.map(Self.gate))
    }

    @Test("gate and map let go at once, through kill -9 and a restart, until resume")
    func pauseAndResume() async throws {
        let lab = try await Lab.open()
        let page = ListenAddress.inet(host: "127.20.9.\(Self.gate)", port: 8462)
        let daemon = try await lab.daemon(
            Self.gate, MapLab.serving(Self.gate) + "[status]\nlisten = \"inet:8462@127.20.9.\(Self.gate)\"\n",
            before: MapLab.enforcing)
        func metrics() throws -> String {
            try #require(try PlainClient.get(page, "/metrics", host: "127.20.9.\(Self.gate)")).body
        }
        #expect(try metrics().contains("\nsts_milter_paused_until_timestamp_seconds 0\n"))
        #expect(try metrics().contains("\nsts_milter_dry_run 0\n"))
        let postfix = try postfix(lab.network)
        defer { postfix.stop() }
        let host = try lab.network.domain("p-bad.lab", plain: true)
        #expect(try await postfix.send(to: ["first@p-bad.lab"]).reply.code == 451)
        #expect(try lookUp(postfix, "p-bad.lab")?.hasPrefix("secure match=mx.p-bad.lab") == true)
        #expect(try lookUp(postfix, "dane.seclab") == "dane-only")

        let pause = try daemon.command("pause")
        #expect(pause.succeeded && pause.output.hasPrefix("paused until "), "\(pause)")
        try await daemon.waitForLog(": paused: all mail goes, unprotected", "until=")
        #expect(try lookUp(postfix, "p-bad.lab") == nil)
        #expect(try lookUp(postfix, "dane.seclab") == nil)
        #expect(try lookUp(postfix, "bogusmx.seclab") == nil)
        #expect(try await postfix.send(to: ["second@p-bad.lab"]).reply.isPositive)
        try await daemon.waitForLog("recipient_domain=p-bad.lab", "verdict=violating", "action=paused")
        #expect(try await !host.waitForMessage().overTLS)
        let status = try daemon.command("status")
        #expect(status.succeeded && status.output.contains("\nLOOK: PAUSED until "), "\(status)")

        #expect(try metrics().contains(/\nsts_milter_paused_until_timestamp_seconds [0-9]{10}\n/))
        let html = try #require(try PlainClient.get(page, "/", host: "127.20.9.\(Self.gate)")).body
        #expect(html.contains("PAUSED until "), "\(html)")

        daemon.kill()
        try await daemon.start()
        #expect(try daemon.command("status").output.contains("\nLOOK: PAUSED until "))
        #expect(try await postfix.send(to: ["third@p-bad.lab"]).reply.isPositive)
        #expect(daemon.log.components(separatedBy: ": paused: all mail goes").count == 3, "\(daemon.log)")

        #expect(try daemon.command("resume").output == "the pause is over\n")
        try await daemon.waitForLog("the pause is over", "ended_by=\"sts-milter resume\"")
        #expect(try await postfix.send(to: ["fourth@p-bad.lab"]).reply.code == 451)
        #expect(try lookUp(postfix, "p-bad.lab")?.hasPrefix("secure match=mx.p-bad.lab") == true)
        #expect(try lookUp(postfix, "dane.seclab") == "dane-only")
        #expect(try !daemon.command("status").output.contains("PAUSED"))
        #expect(try daemon.command("resume").output == "there was no pause\n")

        // What a daemon that hangs hears of too late, it does not do.
        daemon.signal(SIGSTOP)
        let unheard = try daemon.command("pause")
        daemon.signal(SIGCONT)
        #expect(unheard.status == 69 && unheard.errors.contains("gave no answer in time"), "\(unheard)")
        #expect(try !daemon.command("status").output.contains("PAUSED"))

        // It ends by itself.
        #expect(try daemon.command("pause", "--for", "2s").succeeded)
        #expect(try lookUp(postfix, "p-bad.lab") == nil)
        try await daemon.waitForLog("the pause is over", "ended_by=\"its time\"")
        #expect(try lookUp(postfix, "p-bad.lab")?.hasPrefix("secure match=mx.p-bad.lab") == true)

        // A restart after resume goes on with nothing.
        #expect(daemon.terminate() == 0)
        let down = try daemon.command("pause")
        #expect(down.status == 69 && down.errors.contains("no sts-milter answers at"), "\(down)")
        #expect(
            down.errors.contains("(No such file or directory): it is not running, see: systemctl status"), "\(down)")
        #expect(try daemon.command("resume").status == 69)
        try await daemon.start()
        #expect(try await postfix.send(to: ["fifth@p-bad.lab"]).reply.code == 451)
        #expect(daemon.terminate() == 0)
    }

    @Test("pause, resume and status reach a daemon whose settings file is broken by now, and say what is wrong")
    func brokenFile() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(179)
        let text = try String(contentsOfFile: daemon.configuration, encoding: .utf8)
        try daemon.directory.write("sts-milter.toml", text + "\n[milter]\nlookup_wait = \"1s\"\n")
        for command in ["pause", "status", "resume"] {
            let result = try daemon.command(command)
            #expect(result.succeeded && !result.output.isEmpty, "\(result)")
            #expect(result.errors.contains("control.socket alone is taken of them ("), "\(result)")
            #expect(result.errors.contains(": [milter] stands at line "), "\(result)")
        }
        daemon.signal(SIGUSR1)
        try await daemon.waitForLog("settings not reloaded")
        let status = try daemon.command("status").output
        #expect(status.contains("\nLOOK: the last reload took no settings (\(daemon.configuration):"), "\(status)")
        try daemon.directory.write("sts-milter.toml", text + "\n[fleet]\nwait = \"1h\"\n")
        daemon.signal(SIGUSR1)
        try await daemon.waitForLog("new value takes effect after a restart", "fleet.wait")
        let waiting = try daemon.command("status")
        #expect(waiting.errors.isEmpty, "\(waiting)")
        #expect(waiting.output.contains("\nLOOK: a restart is needed for fleet.wait\n"), "\(waiting)")
        #expect(daemon.terminate() == 0)
        let down = try daemon.command("status")
        #expect(down.status == 69 && down.output.isEmpty, "\(down)")
        #expect(down.errors.hasPrefix("sts-milter: no sts-milter answers at "), "\(down)")
    }

    @Test("who may not write to the control socket cannot pause, and wrong lengths are wrong usage")
    func strangers() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(178)
        let stranger = try Command.run([
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", try DaemonProcess.program(), "pause",
            "--config", daemon.configuration,
        ])
        #expect(stranger.status == 77, "\(stranger)")
        #expect(stranger.errors.contains("only root and the daemon's user may ask"), "\(stranger)")
        for length in ["0s", "8d", "2", "-1h", "soon"] {
            #expect(try daemon.command("pause", "--for=\(length)").status == 64, "\(length)")
        }
        #expect(try !daemon.command("status").output.contains("PAUSED"))
        #expect(!daemon.log.contains("paused"))
        #expect(daemon.terminate() == 0)
    }
}
