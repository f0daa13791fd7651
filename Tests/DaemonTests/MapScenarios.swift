// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On a real Postfix: the policy map decides at delivery")
struct MapScenarios {
    @Test("the laboratory has a Postfix of 3.10 or later", .enabled(if: Postfix.hasDebian13))
    func version() async throws {
        let postfix = try await MapLab.open().postfix(.debian13)
        #expect(try postfix.parameter("mail_version").hasPrefix("3.1"))
    }

    @Test(
        "what turns bad after acceptance is not delivered insecurely, and goes out once repaired",
        arguments: MapLab.Kind.present)
    func turnsBad(_ kind: MapLab.Kind) async throws {
        let lab = try await MapLab.open()
        let postfix = try lab.postfix(kind)
        let domain = "m-turn-\(kind).lab".lowercased()
        let host = try lab.network.domain(domain)
        // Taken while all is well, but for the recipient.
        host.fail(.deferRecipients)
        try await postfix.accept("u@\(domain)")
        try await postfix.waitForLog("to=<u@\(domain)>", "status=deferred")
        #expect(postfix.log.contains("Verified TLS connection established to mx.\(domain)"))

        host.fail()
        let good = host.behaviour.credential
        host.change { $0.credential = nil }
        try await postfix.retry(until: "to=<u@\(domain)>", "TLS is required, but was not offered")
        let other = try lab.network.authority.issue(names: ["mx.elsewhere.lab"])
        host.change { $0.credential = other }
        try await postfix.retry(until: "verification failed for mx.\(domain)", "hostname mismatch")
        let unknown = try lab.network.authority.selfSigned(names: ["mx.\(domain)"])
        host.change { $0.credential = unknown }
        try await postfix.retry(until: "verification failed for mx.\(domain)", "self-signed certificate")
        #expect(host.messages.isEmpty)

        host.change { $0.credential = good }
        try await postfix.retry(until: "to=<u@\(domain)>", "status=sent")
        let message = try #require(host.messages.first)
        #expect(message.overTLS && message.serverName == "mx.\(domain)", "\(message)")
        #expect(!postfix.log.contains("invalid attribute"))
    }

    @Test("a bad MX host is passed over for a good one", arguments: MapLab.Kind.present)
    func failOver(_ kind: MapLab.Kind) async throws {
        let lab = try await MapLab.open()
        let postfix = try lab.postfix(kind)
        let domain = "m-fail-\(kind).lab".lowercased()
        let plain = try lab.network.mailHost("mx1.\(domain)", plain: true)
        let foreign = try lab.network.mailHost("mx.foreign-\(domain)")
        let good = try lab.network.mailHost("mx3.\(domain)")
        lab.network.route(domain, to: ["mx1.\(domain)", "mx.foreign-\(domain)", "mx3.\(domain)"])
        try lab.network.publish(domain, mode: "enforce", mx: ["mx1.\(domain)", "mx3.\(domain)"])
        try await postfix.accept("u@\(domain)")
        #expect(try await good.waitForMessage().overTLS)
        #expect(plain.messages.isEmpty && foreign.messages.isEmpty)
        #expect(!postfix.log.contains("invalid attribute"))
    }

    @Test(
        "with the milter beside the map the sender learns at once, and what is taken is delivered as the policy asks",
        arguments: MapLab.Kind.present.filter(\.hasMilter))
    func reception(_ kind: MapLab.Kind) async throws {
        let lab = try await MapLab.open()
        let postfix = try lab.postfix(kind)
        let name = "\(kind)".lowercased()
        let good = try lab.network.domain("m-take-\(name).lab")
        try await postfix.accept("u@m-take-\(name).lab")
        #expect(try await good.waitForMessage().serverName == "mx.m-take-\(name).lab")
        #expect(postfix.log.contains("Verified TLS connection established to mx.m-take-\(name).lab"))

        let other = try lab.network.domain(
            "m-cert-\(name).lab", credential: lab.network.authority.issue(names: ["mx.elsewhere.lab"]))
        #expect(try await postfix.send(to: ["u@m-cert-\(name).lab"]).reply.code == 451)
        let outside = try lab.network.mailHost("mx.out-\(name).lab")
        lab.network.route("m-out-\(name).lab", to: ["mx.out-\(name).lab"])
        try lab.network.publish("m-out-\(name).lab", mode: "enforce", mx: ["mx.m-out-\(name).lab"])
        #expect(try await postfix.send(to: ["u@m-out-\(name).lab"]).reply.code == 451)
        #expect(other.messages.isEmpty && outside.messages.isEmpty)
        #expect(!postfix.log.contains("invalid attribute"))
    }

    @Test("testing, none and no policy leave delivery as it is", arguments: MapLab.Kind.present)
    func unguarded(_ kind: MapLab.Kind) async throws {
        let lab = try await MapLab.open()
        let postfix = try lab.postfix(kind)
        for mode in ["testing", "none"] {
            let host = try lab.network.domain("m-\(mode)-\(kind).lab".lowercased(), mode: mode, plain: true)
            try await postfix.accept("u@m-\(mode)-\(kind).lab".lowercased())
            #expect(try await !host.waitForMessage().overTLS)
        }
        let host = try lab.network.mailHost("mx.m-no-\(kind).lab".lowercased(), plain: true)
        lab.network.route("m-no-\(kind).lab".lowercased(), to: ["mx.m-no-\(kind).lab".lowercased()])
        try await postfix.accept("u@m-no-\(kind).lab".lowercased())
        _ = try await host.waitForMessage()
    }

    @Test("a wildcard covers one label at delivery, too", arguments: MapLab.Kind.present)
    func wildcard(_ kind: MapLab.Kind) async throws {
        let lab = try await MapLab.open()
        let postfix = try lab.postfix(kind)
        let (flat, deep) = ("m-flat-\(kind).lab".lowercased(), "m-deep-\(kind).lab".lowercased())
        let near = try lab.network.mailHost("a.\(flat)")
        lab.network.route(flat, to: ["a.\(flat)"])
        try lab.network.publish(flat, mode: "enforce", mx: ["*.\(flat)"])
        try await postfix.accept("u@\(flat)")
        #expect(try await near.waitForMessage().overTLS)

        let far = try lab.network.mailHost("a.b.\(deep)")
        lab.network.route(deep, to: ["a.b.\(deep)"])
        try lab.network.publish(deep, mode: "enforce", mx: ["*.\(deep)"])
        // With the milter the sender learns at once.
        if kind.hasMilter {
            #expect(try await postfix.send(to: ["u@\(deep)"]).reply.code == 451)
        } else {
            try await postfix.accept("u@\(deep)")
            try await postfix.waitForLog("to=<u@\(deep)>", "status=deferred")
        }
        #expect(far.messages.isEmpty)
        #expect(!postfix.log.contains("invalid attribute"))
    }

    @Test(
        "an MX host outside the policy gets nothing, although its certificate bears a name inside",
        arguments: MapLab.Kind.present)
    func outside(_ kind: MapLab.Kind) async throws {
        let lab = try await MapLab.open()
        let postfix = try lab.postfix(kind)
        let domain = "m-covers-\(kind).lab".lowercased()
        let host = try lab.network.mailHost(
            "mx.evil-\(domain)", credential: lab.network.authority.issue(names: ["mx.\(domain)", "mx.evil-\(domain)"]))
        lab.network.route(domain, to: ["mx.evil-\(domain)"])
        try lab.network.publish(domain, mode: "enforce", mx: ["mx.\(domain)"])
        // With the milter the sender learns at once.
        if kind.hasMilter {
            #expect(try await postfix.send(to: ["u@\(domain)"]).reply.code == 451)
        } else {
            try await postfix.accept("u@\(domain)")
            try await postfix.waitForLog("to=<u@\(domain)>", "status=deferred")
        }
        let table = try postfix.parameter("smtp_tls_policy_maps")
        #expect(throws: LabError.self, "temporary") { try postfix.lookUp(domain, in: table) }
        #expect(host.messages.isEmpty)
    }

    @Test(
        "DANE comes first: its good host gets mail without a CA, its bad one none although the policy holds",
        arguments: MapLab.Kind.present)
    func dane(_ kind: MapLab.Kind) async throws {
        let lab = try await MapLab.open()
        let postfix = try lab.postfix(kind)
        let table = try postfix.parameter("smtp_tls_policy_maps")
        #expect(try postfix.lookUp("dane.seclab", in: table) == "dane-only")
        #expect(try postfix.lookUp("danebad.seclab", in: table) == "dane-only")
        try await postfix.accept("\(kind)@dane.seclab")
        try await postfix.waitForLog("to=<\(kind)@dane.seclab>", "status=sent")
        // With the milter the sender learns at once.
        if kind.hasMilter {
            #expect(try await postfix.send(to: ["\(kind)@danebad.seclab"]).reply.code == 451)
        } else {
            try await postfix.accept("\(kind)@danebad.seclab")
            try await postfix.waitForLog(
                "to=<\(kind)@danebad.seclab>", "status=deferred", "Server certificate not verified")
        }
        #expect(throws: LabError.self) { try postfix.lookUp("bogusmx.seclab", in: table) }
    }

    @Test("Postfix 3.7 cannot read the form postfix-tlsrpt: nothing is delivered, and check-mta says why")
    func wrongForm() async throws {
        let lab = try await MapLab.open()
        let options = MapLab.options(lab.network, map: MapLab.map(MapLab.gate, "postfix-tlsrpt"))
        let postfix = try Postfix(address: "127.20.0.34", options: options)
        defer { postfix.stop() }
        let host = try lab.network.domain("m-form.lab")
        try await postfix.accept("u@m-form.lab")
        try await postfix.waitForLog("to=<u@m-form.lab>", "status=deferred")
        #expect(postfix.log.contains("invalid attribute name"))
        #expect(host.messages.isEmpty)
        let result = try lab.daemon.command("check-mta", "postfix", "--config-dir", postfix.configuration)
        #expect(result.status == 1)
        #expect(result.output.contains("problem (map-form): Postfix 3.7.11 does not know"), "\(result)")
        #expect(result.output.contains("  in \(postfix.configuration)/main.cf:\n"), "\(result)")
        #expect(result.output.contains("smtp_tls_policy_maps = \(MapLab.map(MapLab.gate))"), "\(result)")
        #expect(result.output.contains("problem (milter-missing)"), "\(result)")
    }

    @Test("check-mta finds nothing missing in an instance that guards", arguments: MapLab.Kind.present)
    func checkMTA(_ kind: MapLab.Kind) async throws {
        let lab = try await MapLab.open()
        let postfix = try lab.postfix(kind)
        let result = try lab.daemon.command(
            "check-mta", "postfix", "--config-dir", postfix.configuration, "--postconf",
            try postfix.program("postconf"))
        let isWhole = kind.hasMilter
        #expect(result.status == (isWhole ? 0 : 1), "\(result)")
        #expect(result.output.contains("problem (") == !isWhole, "\(result)")
        #expect(!result.output.contains("(map-"), "\(result)")
        #expect(result.output.hasPrefix(kind.isDebian13 ? "postfix 3.1" : "postfix 3.7"), "\(result)")
    }

    @Test("authorities that are missing or verify nothing hold up what the map guards, and check-mta says so")
    func authorities() async throws {
        let lab = try await MapLab.open()
        let leaf = try lab.network.authority.issue(names: ["mta.lab"]).certificateFile
        var options = MapLab.options(lab.network, map: MapLab.map(MapLab.gate))
        options.milters = ["{ inet:127.20.9.\(MapLab.gate):8890, default_action=tempfail, command_timeout=10s }"]
        options.localMilters = ["inet:127.20.9.\(MapLab.gate):8890"]
        let postfix = try Postfix(address: "127.20.0.46", options: options)
        defer { postfix.stop() }
        func check() throws -> Command.Result {
            try lab.daemon.command("check-mta", "postfix", "--config-dir", postfix.configuration)
        }
        #expect(try check().status == 0)
        let (guarded, free) = (try lab.network.domain("m-ca.lab"), try lab.network.mailHost("mx.m-ca-free.lab"))
        lab.network.route("m-ca-free.lab", to: ["mx.m-ca-free.lab"])

        try postfix.set("smtp_tls_CAfile=\(leaf)")
        try await postfix.accept("u@m-ca.lab")
        try await postfix.waitForLog("to=<u@m-ca.lab>", "status=deferred", "Server certificate not verified")
        let useless = try check()
        #expect(
            useless.output.contains(
                "problem (ca-file): smtp_tls_CAfile \(leaf) holds no certificate of an authority (CA:TRUE)"),
            "\(useless)")

        try postfix.set("smtp_tls_CAfile=/nonexistent/ca.pem")
        try await postfix.retry(until: "to=<u@m-ca.lab>", "TLS is required, but our TLS engine is unavailable")
        // What nobody guards goes in clear text.
        try await postfix.accept("u@m-ca-free.lab")
        #expect(try await !free.waitForMessage().overTLS)
        let missing = try check()
        #expect(missing.status == 1)
        #expect(
            missing.output.contains(
                "smtp_tls_CAfile /nonexistent/ca.pem cannot be read: No such file or directory: Postfix switches TLS off"
            ),
            "\(missing)")
        #expect(guarded.messages.isEmpty)
    }

    @Test("milter_protocol = 2 guards with Postfix's default macros, and check-mta advises against it")
    func oldProtocol() async throws {
        let lab = try await MapLab.open()
        var options = MapLab.options(lab.network, map: MapLab.map(MapLab.gate))
        options.milters = ["{ inet:127.20.9.\(MapLab.gate):8890, default_action=tempfail, command_timeout=10s }"]
        options.localMilters = ["inet:127.20.9.\(MapLab.gate):8890"]
        options.settings.append("milter_protocol = 2")
        let postfix = try Postfix(address: "127.20.0.47", options: options)
        defer { postfix.stop() }
        let credential = try lab.network.authority.issue(names: ["mx.elsewhere.lab"])
        try lab.network.domain("m-old.lab", credential: credential)
        #expect(try await postfix.send(to: ["u@m-old.lab"]).reply.code == 451)
        func check() throws -> Command.Result {
            try lab.daemon.command("check-mta", "postfix", "--config-dir", postfix.configuration)
        }
        let advised = try check()
        #expect(advised.status == 0 && advised.output.contains("advice (milter-protocol)"), "\(advised)")
        try postfix.set("milter_rcpt_macros=i {rcpt_addr}")
        let broken = try check()
        #expect(broken.status == 1 && broken.output.contains("lacks {rcpt_mailer} and {rcpt_host}"), "\(broken)")
    }
}
