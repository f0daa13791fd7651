// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

@Suite("On each real MTA: a policy that was replaced judges no message any more, not even the first")
struct ReplacedPolicyScenarios {
    enum MTA: String, Sendable, CaseIterable, CustomTestStringConvertible {
        case postfix37, postfix310, sendmail

        static var present: [MTA] {
            allCases.filter { mta in
                switch mta {
                case .postfix37: true
                case .postfix310: Postfix.hasDebian13
                case .sendmail: Sendmail.isPrepared
                }
            }
        }

        /// The first of two: of the daemon whose milter judges, and of the one whose map does.
        var gate: Int { 124 + 2 * (Self.allCases.firstIndex(of: self) ?? 0) }
        var testDescription: String { rawValue }
    }

    /// A running MTA with either the milter or the map of a gate.
    private enum Running: Sendable {
        case postfix(Postfix)
        case sendmail(Sendmail)

        init(_ mta: MTA, _ network: TestNetwork, gate: Int, asksMap: Bool) throws {
            let milter = "inet:8890@127.20.9.\(gate)"
            guard mta == .sendmail else {
                let isNew = mta == .postfix310
                var options =
                    asksMap
                    ? MapLab.options(network, map: MapLab.map(gate, isNew ? "postfix-tlsrpt" : "postfix"))
                    : Postfix.Options()
                if isNew { options.root = Postfix.debian13 }
                if !asksMap { options.milters = ["inet:127.20.9.\(gate):8890"] }
                self = .postfix(try Postfix(address: "127.20.0.\(gate)", options: options))
                return
            }
            var options = Sendmail.Options()
            options.caFile = network.authority.caFile
            options.milters = asksMap ? [] : ["S=\(milter), F=T"]
            options.definitions =
                asksMap ? ["FEATURE(`sts', `socket -d5 -T<TMPF> inet:8461@127.20.9.\(gate)')dnl"] : []
            self = .sendmail(try Sendmail(address: "127.20.7.\(gate)", options: options))
        }

        func send(_ recipient: String) async throws -> SMTPDialogue {
            switch self {
            case .postfix(let postfix): try await postfix.send(to: [recipient])
            case .sendmail(let sendmail): try await sendmail.send(to: [recipient])
            }
        }

        /// Waits until a recipient's message was tried and waits.
        func waitForDeferral(of recipient: String) async throws {
            switch self {
            case .postfix(let postfix): try await postfix.waitForLog("to=<\(recipient)>", "status=deferred")
            case .sendmail(let sendmail): try await sendmail.waitForLog("to=<\(recipient)>", "stat=Deferred")
            }
        }

        func stop() {
            switch self {
            case .postfix(let postfix): postfix.stop()
            case .sendmail(let sendmail): sendmail.stop()
            }
        }
    }

    private static let settings = "[policy]\ntxt_check_interval = \"1s\"\n"
    /// Until a look at the record is due.
    private static let interval = Duration.milliseconds(1100)

    @Test("by the milter: other hosts, and none", arguments: MTA.present)
    func milter(_ mta: MTA) async throws {
        let lab = try await Lab.open()
        try await lab.daemon(mta.gate, Self.settings)
        let running = try Running(mta, lab.network, gate: mta.gate, asksMap: false)
        defer { running.stop() }
        let domain = "rp-\(mta)-milter.lab"
        try lab.network.domain(domain)
        #expect(try await running.send("u@\(domain)").reply.isPositive)
        try lab.network.publish(domain, mode: "enforce", mx: ["mx.elsewhere.lab"], id: "2")
        try await Task.sleep(for: Self.interval)
        #expect(try await running.send("u@\(domain)").reply.code == 451)
        try lab.network.publish(domain, mode: "none", mx: [], id: "3")
        try await Task.sleep(for: Self.interval)
        #expect(try await running.send("u@\(domain)").reply.isPositive)
    }

    @Test("by the map: enforce in place of testing, other hosts, and none", arguments: MTA.present)
    func map(_ mta: MTA) async throws {
        let lab = try await Lab.open()
        let gate = mta.gate + 1
        try await lab.daemon(gate, MapLab.serving(gate) + Self.settings, before: MapLab.enforcing)
        let running = try Running(mta, lab.network, gate: gate, asksMap: true)
        defer { running.stop() }
        let domain = "rp-\(mta)-map.lab"
        let host = try lab.network.domain(domain, mode: "testing", plain: true)
        func accept(_ name: String) async throws {
            let dialogue = try await running.send("\(name)@\(domain)")
            #expect(dialogue.data?.isPositive == true, "\(dialogue)")
        }
        try await accept("testing")
        #expect(try await !host.waitForMessage().overTLS)

        try lab.network.publish(domain, mode: "enforce", mx: ["mx.\(domain)"], id: "2")
        try await Task.sleep(for: Self.interval)
        try await accept("enforce")
        try await running.waitForDeferral(of: "enforce@\(domain)")

        let next = try lab.network.mailHost("new.\(domain)")
        lab.network.route(domain, to: ["new.\(domain)"])
        try lab.network.publish(domain, mode: "enforce", mx: ["new.\(domain)"], id: "3")
        try await Task.sleep(for: Self.interval)
        try await accept("other")
        #expect(try await next.waitForMessage { $0.recipients == ["other@\(domain)"] }.overTLS)

        try lab.network.publish(domain, mode: "none", mx: [], id: "4")
        next.change { $0.credential = nil }
        try await Task.sleep(for: Self.interval)
        try await accept("none")
        #expect(try await !next.waitForMessage { $0.recipients == ["none@\(domain)"] }.overTLS)
        #expect(host.messages.count == 1)
    }
}
