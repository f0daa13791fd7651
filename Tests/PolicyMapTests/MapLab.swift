// SPDX-License-Identifier: Apache-2.0
import TestKit
import Core
import Logging
import NIOCore
import NIOPosix
import PolicyMap
import Testing

/// A policy map on loopback with a resolver of tables.
struct MapLab {
    static let address = "127.5.0.1"

    let server: PolicyMapServer
    let resolver: FakeResolver
    let log: CapturedLog

    var port: Int { server.port ?? 0 }

    func connect() async throws -> MapClient { try await MapClient.connect(port: port) }

    static func settings() -> PolicyMapSettings {
        var settings = PolicyMapSettings()
        settings.socket = .inet(host: address, port: 0)
        return settings
    }

    /// What all resolvers know: `example.com`, `testing.example`, `dane.example`, `none.example`, and `d0.example` on.
    static func warm() throws -> [String: MapAnswer] {
        var warm: [String: MapAnswer] = [
            "example.com": .enforce(
                try cached(mx: ["mx.example.com", "*.example.net"]), .known([try name("mx1.example.net")])),
            "testing.example": .testing(try cached("testing.example", mode: "testing", mx: ["mx.testing.example"])),
            "dane.example": .dane(besides: .notFound),
            "none.example": .notFound,
        ]
        for number in 0..<100 {
            let domain = "d\(number).example"
            warm[domain] = .enforce(try cached(domain, mx: ["mx.\(domain)"]), .unneeded)
        }
        return warm
    }

    static func run(
        _ settings: PolicyMapSettings = settings(), warm: [String: MapAnswer]? = nil,
        _ body: (MapLab) async throws -> Void
    ) async throws {
        let resolver = try FakeResolver(try warm ?? self.warm())
        let log = CapturedLog()
        let server = PolicyMapServer(
            settings: settings, resolver: resolver, group: MultiThreadedEventLoopGroup.singleton, logger: log.logger)
        try await server.start()
        do {
            try await body(MapLab(server: server, resolver: resolver, log: log))
        } catch {
            resolver.releaseAll()
            await server.stop(within: .zero)
            throw error
        }
        resolver.releaseAll()
        await server.stop(within: .seconds(5))
        #expect(server.connections == 0)
    }
}

/// Waits until a condition holds, 20 s at most.
func eventually(_ what: Comment, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, what)
        try await Task.sleep(for: .milliseconds(5))
    }
}
