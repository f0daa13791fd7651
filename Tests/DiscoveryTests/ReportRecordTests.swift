// SPDX-License-Identifier: Apache-2.0
import Basics
import Discovery
import LabKit
import Reporting
import Testing

// Serialized: every test runs servers of its own, and hundreds of them at once exhaust descriptors.
@Suite("RFC 8460 §3: the TLSRPT record in the DNS", .serialized)
struct ReportRecordTests {
    private func look(_ world: World, _ domain: String = "example.lab") async throws -> ReportRecordLookup {
        let lookup = ReportRecordResolver(resolver: world.resolver, timeout: .seconds(2))
        return await lookup.record(for: try DomainName(domain))
    }

    @Test("several strings are one record, and other records beside it do not count")
    func found() async throws {
        let world = try World()
        world.names.set(
            "_smtp._tls.example.lab", .txt(["v=TLSRPTv1; rua=mailto:", "tls@example.lab"]), .txt("v=spf1 -all"))
        guard case .found(.record(let record)) = try await look(world) else { throw LabError("no record") }
        #expect(record.destinations.map(\.description) == ["mailto:tls@example.lab"])
    }

    @Test("two records are as none, and named")
    func two() async throws {
        let world = try World()
        world.names.set(
            "_smtp._tls.example.lab", .txt("v=TLSRPTv1; rua=mailto:a@example.lab"),
            .txt("v=TLSRPTv1; rua=mailto:b@example.lab"))
        guard case .found(.invalid) = try await look(world) else { throw LabError("not invalid") }
    }

    @Test("no name and no record mean that nobody asks", arguments: [DNSFault.nxdomain, .nodata])
    func absent(_ fault: DNSFault) async throws {
        let world = try World()
        world.names.fail("_smtp._tls.example.lab", nil, fault)
        #expect(try await look(world) == .found(.absent))
        let long = Array(repeating: "a23456789", count: 25).joined(separator: ".") + ".lab"
        #expect(try await look(world, long) == .found(.absent))
    }

    @Test("a server in trouble says nothing about the record", arguments: [DNSFault.servfail, .silent])
    func unavailable(_ fault: DNSFault) async throws {
        let world = try World()
        world.names.fail("_smtp._tls.example.lab", nil, fault)
        guard case .unavailable(let why) = try await look(world) else { throw LabError("available") }
        #expect(why.hasPrefix("TXT at _smtp._tls.example.lab: "))
    }
}
