// SPDX-License-Identifier: Apache-2.0
import LabKit
import TestKit
import Testing

@Suite("On a real Postfix: what the policy map looks like from outside")
struct MapProxyScenarios {
    @Test("proxymap asks for an smtp in a chroot, at a socket outside of it; a reason names domain, host and cause")
    func proxy() async throws {
        let lab = try await Lab.open()
        let directory = try TemporaryDirectory()
        let socket = directory.path + "/map.sock"
        try Command.check(["chmod", "755", directory.path])
        try await lab.daemon(
            74, "[policy_map]\nsocket = \"unix:\(socket)\"\nsocket_group = \"postfix\"\n", before: MapLab.enforcing)
        let map = "proxy:socketmap:unix:\(socket):postfix"
        var options = MapLab.options(lab.network, map: map)
        options.isChrooted = true
        let postfix = try Postfix(address: "127.20.0.74", options: options)
        defer { postfix.stop() }
        let good = try lab.network.domain("px-good.lab")
        let plain = try lab.network.domain("px-plain.lab", plain: true)
        try await postfix.accept("u@px-good.lab")
        #expect(try await good.waitForMessage().overTLS)
        try await postfix.waitForLog("Verified TLS connection established to mx.px-good.lab")
        try await postfix.accept("u@px-plain.lab")
        try await postfix.waitForLog("to=<u@px-plain.lab>", "status=deferred", "TLS is required")
        #expect(plain.messages.isEmpty)

        // A policy that is known, and a wildcard that covers no host.
        let deep = try lab.network.mailHost("mx.deep.px-wild.lab")
        lab.network.route("px-wild.lab", to: ["mx.deep.px-wild.lab"])
        try lab.network.publish("px-wild.lab", mode: "enforce", mx: ["*.px-wild.lab"])
        let reason = "px-wild.lab: no MX host has a name that the policy allows: mx.deep.px-wild.lab"
        try await postfix.accept("u@px-wild.lab")
        try await postfix.waitForLog("socketmap server temporary error: \(reason)")
        #expect(deep.messages.isEmpty)
        let asked = try Command.run([
            "postmap", "-c", postfix.configuration, "-q", "px-wild.lab", map.replacing("proxy:", with: ""),
        ])
        #expect(asked.status != 0 && asked.errors.contains(reason), "\(asked)")

        lab.network.route("px-none.lab", to: ["mx.px-good.lab"])
        let none = try Command.run([
            "postmap", "-c", postfix.configuration, "-q", "px-none.lab", map.replacing("proxy:", with: ""),
        ])
        #expect(none.status == 1 && none.output.isEmpty && none.errors.isEmpty, "\(none)")
    }
}
