// SPDX-License-Identifier: Apache-2.0
import LabKit
import TestKit
import Testing

@Suite("On a real Postfix with the policy map: TLS-Required: No")
struct TLSRequiredScenarios {
    private let tables: TemporaryDirectory

    init() throws { tables = try TemporaryDirectory("sts-lab-header-checks") }

    /// A Postfix with milter and map: 3.10, which knows the header, or 3.7 with the header check of contrib.
    private func postfix(_ lab: Lab, _ isDebian13: Bool, gate: Int) throws -> Postfix {
        var options = MapLab.options(lab.network, map: MapLab.map(gate, isDebian13 ? "postfix-tlsrpt" : "postfix"))
        options.milters = ["{ inet:127.20.9.\(gate):8890, default_action=tempfail, command_timeout=10s }"]
        guard !isDebian13 else {
            options.root = Postfix.debian13
            return try Postfix(address: "127.20.0.69", options: options)
        }
        // The lab's smtp runs outside a chroot.
        options.services = try ContribTests.lines("postfix/tls-required-no.master.cf.snippet").map {
            $0.replacing("      y      ", with: "      n      ")
        }
        let table = try tables.write("tls-required-no", ContribTests.contrib("postfix/tls-required-no"))
        options.settings += try ContribTests.lines("postfix/tls-required-no.cf.snippet").map {
            $0.replacing("/etc/postfix/tls-required-no", with: table)
        }
        return try Postfix(address: "127.20.0.70", options: options)
    }

    private static let nested = """
        Subject: forwarded
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary=x

        --x
        Content-Type: text/plain
        TLS-Required: No

        see below
        --x
        Content-Type: message/rfc822

        Subject: inner
        TLS-Required: No

        hello
        --x--

        """

    @Test(
        "the map holds the bad recipients alone, and none where the sender asks for it",
        arguments: Postfix.hasDebian13 ? [false, true] : [false])
    func header(_ isDebian13: Bool) async throws {
        let lab = try await Lab.open()
        let gate = isDebian13 ? 70 : 71
        let daemon = try await lab.daemon(
            gate, "[milter]\ntls_required_no = true\n" + MapLab.serving(gate), before: MapLab.enforcing)
        let postfix = try postfix(lab, isDebian13, gate: gate)
        defer { postfix.stop() }
        let name = isDebian13 ? "tr13" : "tr12"
        let good = try lab.network.domain("\(name)-good.lab")
        let bad = try lab.network.domain("\(name)-bad.lab", plain: true)
        func send(_ user: String, _ message: String) async throws {
            let dialogue = try await postfix.send(
                to: ["\(user)@\(name)-bad.lab", "\(user)@\(name)-good.lab"], message: message)
            let taken = dialogue.recipients.count { $0.reply.isPositive }
            #expect(taken == 2, "\(dialogue)")
            #expect(dialogue.data?.isPositive == true, "\(dialogue)")
            _ = try await good.waitForMessage { $0.recipients == ["\(user)@\(name)-good.lab"] }
        }

        try await send("plain", "Subject: x\n\nx\n")
        try await daemon.waitForLog("recipient_domain=\(name)-bad.lab", "verdict=violating", "action=policy-map")
        try await postfix.waitForLog("to=<plain@\(name)-bad.lab>", "status=deferred", "TLS is required")
        try await send("nested", Self.nested)
        try await postfix.waitForLog("to=<nested@\(name)-bad.lab>", "status=deferred", "TLS is required")
        try await send("other", "TLS-Required: No way\nSubject: x\n\nx\n")
        try await postfix.waitForLog("to=<other@\(name)-bad.lab>", "status=deferred", "TLS is required")
        #expect(bad.messages.isEmpty)

        for (user, header) in [("asked", "TLS-Required: No"), ("lower", "tls-required:no")] {
            try await send(user, "Subject: x\n\(header)\n\nx\n")
            let message = try await bad.waitForMessage { $0.recipients == ["\(user)@\(name)-bad.lab"] }
            #expect(!message.overTLS)
        }
        let isSecret = good.messages.allSatisfy { $0.overTLS }
        #expect(isSecret)
    }
}
