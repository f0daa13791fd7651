// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import DNS
import LabKit
import Glibc
import Synchronization
import TestKit
import Testing

@Suite("A resolver knows whether it can validate")
struct DNSValidationTests {
    @Test("A server without signatures fails every anchor, and no anchor turns validation off")
    func unsigned() async throws {
        let server = try NameServer(address: "127.1.1.10", port: 0)
        server.set("example.lab", .a("192.0.2.1"))
        var settings = DNSSettings(forwarder: "127.1.1.10@\(server.port)")
        settings.trustAnchor = .none
        #expect(await (try DNSResolver(settings)).validation(within: .seconds(20)) == .off)
        settings.trustAnchor = .file(DNSSettings.systemTrustAnchorFile)
        let resolver = try DNSResolver(settings)
        let seen = await resolver.validation(within: .seconds(20))
        let fails = if case .fails = seen { true } else { false }
        #expect(fails, "\(seen)")
        let answer = await resolver.addresses(of: try DomainName("example.lab"), within: .seconds(20))
        #expect(answer.security == .bogus && answer.records.isEmpty)
    }
}

@Suite("A resolver that answers nothing is not said to be unable to validate")
struct DeadResolverTests {
    @Test("where nobody listens")
    func dead() async throws {
        var settings = DNSSettings(forwarder: "127.1.1.13@5353")
        settings.trustAnchor = .file(DNSSettings.systemTrustAnchorFile)
        let resolver = try DNSResolver(settings)
        let seen = await resolver.validation(within: .seconds(3))
        let isUnknown = if case .unknown = seen { true } else { false }
        #expect(isUnknown, "\(seen)")
        let answer = await resolver.query(try DomainName("example.lab").query, .mx, within: .seconds(3))
        guard case .failure(.cutOff(let text)) = answer.outcome else { throw LabError("\(answer)") }
        #expect(text.hasPrefix("the resolver answers nothing (dns.forwarder 127.1.1.13@5353)"), "\(text)")
        #expect(resolver.silence != nil)
        settings.forwarder = nil
        #expect(settings.resolverName == "nameserver of /etc/resolv.conf")
    }

    @Test("where it dies before the keys of the root are there, which libunbound takes for forgery")
    func dying() async throws {
        let server = try NameServer(address: "127.1.1.14", port: 0)
        let keys = DNSType(48)
        server.fail(".", keys, .silent)
        var settings = DNSSettings(forwarder: "127.1.1.14@\(server.port)")
        settings.trustAnchor = .file(DNSSettings.systemTrustAnchorFile)
        let resolver = try DNSResolver(settings)
        async let validation = resolver.validation(within: .seconds(120))
        try await Wait.until("the keys are asked for") { server.queries(".", keys) > 0 }
        server.stop()
        let seen = await validation
        #expect(seen == .unknown(.serverFailure), "\(seen)")
        #expect(resolver.silence != nil)
    }
}
