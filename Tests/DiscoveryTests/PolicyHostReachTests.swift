// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Discovery
import LabKit
import TLSRPT
import Testing

// Serialized: every test runs servers of its own, and hundreds of them at once exhaust descriptors.
@Suite("Reaching the policy host", .serialized)
struct PolicyHostReachTests {
    @Test func aRefusedConnectionSaysSo() async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        world.host.stop()
        let failure = try await world.failure(for: domain)
        #expect(failure == PolicyFailure(.stsPolicyFetchError, "connection refused by \(world.host.address)"))
    }

    static let faults: [(PolicyHost.ConnectionFault, ResultType, String)] = [
        (.silent, .stsPolicyFetchError, "no TLS connection to 127.3."),
        (.closed, .stsPolicyFetchError, "connection"),
        (.garbage, .stsWebPKIInvalid, "TLS handshake with mta-sts.example.lab failed: wrong version number"),
    ]

    @Test(arguments: faults.indices)
    func aHostWithoutTLSIsAFailure(_ index: Int) async throws {
        let (fault, type, text) = Self.faults[index]
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        world.host.connectionFault = fault
        let timeout: Duration = fault == .silent ? .milliseconds(500) : .seconds(20)
        let failure = try await world.failure(for: domain) { $0.connectTimeout = timeout }
        #expect(failure?.type == type)
        #expect(failure?.text.contains(text) == true, "\(failure?.text ?? "")")
    }

    @Test func interimAnswersWithoutEndAreGivenUp() async throws {
        let world = try World()
        let domain = try world.publish(.interimWithoutEnd, for: "example.lab")
        let failure = try await world.failure(for: domain)
        #expect(failure?.type == .stsPolicyFetchError)
        #expect(
            failure?.text == "mta-sts.example.lab sends interim answers (HTTP status 1xx) without end",
            "\(failure?.text ?? "")")
    }

    @Test func oldTLSIsRefused() async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        world.host.maximumTLSVersion = .tlsv11
        let failure = try await world.failure(for: domain)
        #expect(failure?.type == .stsWebPKIInvalid)
        #expect(
            failure?.text.contains("TLS handshake with mta-sts.example.lab failed") == true, "\(failure?.text ?? "")")
    }

    @Test func theNextAddressIsTriedWhenOneDoesNotAnswer() async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        world.names.set("mta-sts.example.lab", .a(world.address(99)), .a(world.host.address))
        #expect(try await world.failure(for: domain) == nil)
    }

    @Test func theHostMayHaveIPv6Only() async throws {
        let world = try World()
        let credential = try world.authority.issue(names: ["mta-sts.example.lab"])
        // One ::1 for all tests of the machine, so any free port.
        let host = try PolicyHost(address: "::1", port: 0, credential: credential)
        host.set("mta-sts.example.lab", .good)
        world.names.set("mta-sts.example.lab", .aaaa("::1"))
        let port = try #require(UInt16(exactly: host.port))
        #expect(try await world.failure(for: try DomainName("example.lab")) { $0.port = port } == nil)
    }

    @Test func oneAnswerIsEnoughThoughThereAreMoreAddresses() async throws {
        let world = try World()
        let domain = try world.publish(.status(404), for: "example.lab")
        let second = try PolicyHost(
            address: world.address(45), credential: world.authority.issue(names: ["*.example.lab"]))
        second.set("mta-sts.example.lab", .status(404))
        world.names.set("mta-sts.example.lab", .a(world.host.address), .a(second.address))
        #expect(try await world.failure(for: domain)?.text.contains("404") == true)
        #expect(world.host.requests.count + second.requests.count == 1)
    }

    @Test func aPrivateAddressIsNotDialled() async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        let failure = try await world.failure(for: domain) { $0.allowPrivateAddresses = false }
        let text = "mta-sts.example.lab has private addresses only: \(world.host.address)"
        #expect(failure == PolicyFailure(.stsPolicyFetchError, text))
        #expect(world.host.connections == 0)
    }

    @Test func theAddressMayStandBehindAnAlias() async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        world.names.remove("mta-sts.example.lab")
        world.names.set("mta-sts.example.lab", .cname("policies.provider.lab"))
        world.names.set("policies.provider.lab", .a(world.host.address))
        #expect(try await world.failure(for: domain) == nil)
        #expect(world.host.serverNames == ["mta-sts.example.lab"])
    }

    static let unresolved: [(DNSFault, String)] = [
        (.nxdomain, "mta-sts.example.lab does not exist"), (.nodata, "mta-sts.example.lab has no address"),
        (.servfail, "address of mta-sts.example.lab: DNS server failure"),
        (.silent, "no policy within 0.5 s: still asking the DNS for mta-sts.example.lab"),
    ]

    @Test(arguments: unresolved.indices)
    func aHostWithoutAddressIsAFailure(_ index: Int) async throws {
        let (fault, text) = Self.unresolved[index]
        let world = try World()
        world.names.fail("mta-sts.example.lab", nil, fault)
        let deadline: Duration = fault == .silent ? .milliseconds(500) : .seconds(20)
        let failure = try await world.failure(for: try DomainName("example.lab")) { $0.fetchDeadline = deadline }
        #expect(failure?.type == .stsPolicyFetchError)
        #expect(failure?.text == text)
    }
}
