// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS
import Discovery
import LabKit
import Testing

@Suite("RFC 7672 §2.2.1: MX resolution", .serialized)
struct SecureRouteTests {
    private static let zone = SignedZone(
        "discosec",
        records: """
            @      IN MX 10 mx
            mx     IN A 192.0.2.1
            alone  IN A 192.0.2.2
            gone   IN MX 0 .
            forged IN MX 10 mx
            """, bogus: [("forged", "MX")])

    /// Owns the servers: they end with it.
    private struct SignedWorld {
        let names: NameServer
        let servers: ValidatingResolver
        let router: MXRouter

        init(network: Int) async throws {
            names = try NameServer(address: "127.3.\(network).53")
            names.set("plain.lab", .mx(10, "mx.discosec"))
            servers = try ValidatingResolver(
                address: "127.3.\(network).54", authorityAddress: "127.3.\(network).55", zones: [SecureRouteTests.zone],
                unsigned: names)
            let settings = DNSSettings(
                forwarder: "\(servers.address)@53", trustAnchorFile: servers.trustAnchorFile)
            // On a busy machine the first question can come before its answer, and resolvers remember a failure.
            router = try await Wait.value("the signed zone answers", within: .seconds(30)) {
                let router = MXRouter(resolver: try DNSResolver(settings))
                return try? await router.route(to: .mx(of: try DomainName("discosec"), port: 25)).0.isSecure
                    ? router : nil
            }
        }

        func outcome(_ domain: String) async throws -> Result<Bool, RouteError> {
            let domain = try DomainName(domain)
            do throws(RouteError) {
                return .success(try await router.route(to: .mx(of: domain, port: 25)).0.isSecure)
            } catch {
                return .failure(error)
            }
        }
    }

    @Test func aRouteIsSecureIfTheAnswerForMXIs() async throws {
        let world = try await SignedWorld(network: 250)
        let expected: [(String, Result<Bool, RouteError>)] = [
            ("discosec", .success(true)), ("alone.discosec", .success(true)), ("plain.lab", .success(false)),
            ("gone.discosec", .failure(.nullMX(isSecure: true))),
            ("nothing.discosec", .failure(.noSuchDomain(isSecure: true))),
        ]
        for (domain, outcome) in expected {
            let seen = try await world.outcome(domain)
            #expect(seen == outcome, "\(domain): \(world.servers.log)")
        }
        switch try await world.outcome("forged.discosec") {
        case .success, .failure(.nullMX), .failure(.noSuchDomain): Issue.record("a forged answer was believed")
        // The resolver between may have found out first, and says only that it failed.
        case .failure(.bogus), .failure(.unavailable), .failure(.notAsked): break
        }
    }
}
