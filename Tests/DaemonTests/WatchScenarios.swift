// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import LabKit
import Testing

@Suite("The daemon watches domains of one's own as others see them")
struct WatchScenarios {
    @Test("log and status say what is wrong, and a reload takes other domains")
    func watched() async throws {
        let lab = try await Lab.open()
        let network = lab.network
        try network.domain("wa-good.lab")
        network.names.set("_smtp._tls.wa-good.lab", .txt("v=TLSRPTv1; rua=mailto:r@wa-good.lab"))
        try network.domain("wa-bad.lab", plain: true)
        try network.mailHost("mx2.wa-bad.lab")
        network.route("wa-bad.lab", to: ["mx.wa-bad.lab", "mx2.wa-bad.lab"])
        // What the operator has pinned is not what others see.
        let pin = "[[pin]]\ndomain = \"wa-good.lab\"\nmode = \"enforce\"\nmx = [\"elsewhere.lab\"]\n"
        let daemon = try DaemonProcess(
            address: "127.20.9.182",
            settings: "watch = [\"wa-good.lab\", \"wa-bad.lab\"]\n" + network.settings
                + "[status]\nlisten = \"inet:8462@127.20.9.182\"\n" + pin)
        try await daemon.start()
        try await daemon.waitForLog("a domain of your own has trouble", "domain=wa-bad.lab", "does not offer STARTTLS")
        try await daemon.waitForLog(
            "a domain of your own has trouble", "mx2.wa-bad.lab: in no mx pattern of the policy")
        try await daemon.waitForLog("a domain of your own has trouble", "no TXT record at _smtp._tls.wa-bad.lab")
        #expect(!daemon.log.contains("domain=wa-good.lab"), "\(daemon.log)")
        let status = try daemon.command("status")
        #expect(
            status.output.contains("own domain wa-bad.lab: mx.wa-bad.lab: host does not offer STARTTLS\n"), "\(status)")
        let mark = "LOOK: 1 domain of your own has trouble, to be mended as is said below: wa-bad.lab\n"
        #expect(status.output.contains(mark), "\(status)")
        let line = try #require(status.output.split(separator: "\n").first { $0.hasPrefix("own domain wa-good.lab: ") })
        // Certificates of the laboratory last for some days at least.
        #expect(line.contains(": in order at ") && line.contains(", certificates for "), "\(status)")

        try await told()
        try daemon.configure("watch = []\n" + network.settings)
        daemon.signal(SIGHUP)
        try await daemon.waitForLog("settings reloaded")
        #expect(try !daemon.command("status").output.contains("own domain"))
        let check = try daemon.command("check", "wa-good.lab")
        #expect(check.output.contains("certificate of its host valid to 20"), "\(check)")
    }

    /// Metrics, and the page, say the same.
    private func told() async throws {
        let page = ListenAddress.inet(host: "127.20.9.182", port: 8462)
        let metrics = try #require(try PlainClient.get(page, "/metrics", host: "127.20.9.182")).body
        for sample in [
            "own_domains{state=\"ok\"} 1", "own_domains{state=\"trouble\"} 1", "own_domains{state=\"unseen\"} 0",
            "own_domain_troubles{kind=\"host\"} 1", "own_domain_troubles{kind=\"pattern\"} 1",
            "own_domain_troubles{kind=\"tlsrpt\"} 1", "own_domain_troubles{kind=\"certificate\"} 0",
            "received_reports{result=\"failure\"} 0", "received_sessions{result=\"success\"} 0",
        ] { #expect(metrics.contains("sts_milter_\(sample)\n"), "\(sample)") }
        let days = try #require(metrics.firstMatch(of: /sts_milter_own_certificate_days ([0-9]+)/)).1
        #expect((Int(days) ?? 0) > 0)
        #expect(metrics.contains(/sts_milter_own_last_look_timestamp_seconds [0-9]{10}/))
        let html = try #require(try PlainClient.get(page, "/own", host: "127.20.9.182")).body
        #expect(html.contains("mx.wa-bad.lab: host does not offer STARTTLS") && html.contains(">in order<"), "\(html)")
    }
}
