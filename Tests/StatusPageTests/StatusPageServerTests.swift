// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import Logging
import Metrics
import NIOPosix
import Status
@testable import StatusPage
import TestKit
import Testing

@Suite("The status page on the wire: it can be read, and nothing else")
struct StatusPageServerTests {
    private func withServer(
        _ source: TableSource = TableSource(), unix: Bool = false, _ body: (ListenAddress) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory("sts-status")
        let socket: ListenAddress =
            unix ? .unix(path: directory.path + "/status.sock") : .inet(host: "127.0.0.1", port: 0)
        let server = StatusPageServer(
            settings: StatusPageSettings(socket: socket), source: source, group: .singletonMultiThreadedEventLoopGroup,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await server.start()
        let address = server.port.map { ListenAddress.inet(host: "127.0.0.1", port: UInt16($0)) } ?? socket
        do { try await onThread { try await body(address) } } catch {
            await server.stop()
            throw error
        }
        await server.stop()
        #expect(!address.isAnswered)
    }

    /// The client blocks, which no thread of the pool may.
    private func onThread(_ body: () async throws -> Void) async throws { try await body() }

    @Test("metrics, health and the status as JSON", arguments: [false, true])
    func routes(_ unix: Bool) async throws {
        try await withServer(unix: unix) { address in
            let metrics = try #require(try PlainClient.get(address, "/metrics"))
            #expect(metrics.status == 200 && metrics.field("content-type") == OpenMetrics.contentType)
            #expect(metrics.body.contains("sts_milter_things_total 7\n") && metrics.body.hasSuffix("# EOF\n"))
            let health = try #require(try PlainClient.get(address, "/healthz?x=1"))
            #expect(health.status == 200 && health.body == "ok\n")
            let status = try #require(try PlainClient.get(address, "/status.json"))
            #expect(status.field("content-type") == "application/json")
            #expect(try JSONDecoder().decode(StatusReport.self, from: Data(status.body.utf8)) == TableSource().status)
        }
    }

    @Test("who cannot judge says so with 503 and why")
    func unhealthy() async throws {
        try await withServer(TableSource(why: "the milter does not answer")) { address in
            let health = try #require(try PlainClient.get(address, "/healthz"))
            #expect(health.status == 503 && health.body == "the milter does not answer\n")
        }
    }

    @Test("each answer forbids to load anything from elsewhere, to be kept, and to be shown in a frame")
    func headers() async throws {
        try await withServer { address throws in
            for path in ["/metrics", "/healthz", "/status.json", "/nowhere"] {
                let answer = try #require(try PlainClient.get(address, path))
                #expect(answer.field("content-security-policy")?.hasPrefix("default-src 'none'; ") == true)
                #expect(answer.field("content-security-policy")?.contains("frame-ancestors 'none'") == true)
                #expect(answer.field("cache-control") == "no-store")
                #expect(answer.field("x-content-type-options") == "nosniff")
                #expect(answer.field("connection") == "close")
            }
        }
    }

    @Test(
        "a request that would change something, or is none, is refused",
        arguments: [
            ("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
            ("DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
            ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
            ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab", 400),
            ("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
            ("GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
            ("GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
            ("\u{16}\u{3}\u{1}\u{2}\u{0}\r\n\r\n", 400),
        ] as [(String, Int)])
    func refused(_ request: String, _ status: Int) async throws {
        try await withServer { address throws in
            let answer = try #require(try PlainClient.ask(address, request))
            #expect(answer.status == status, "\(answer)")
            #expect(!answer.body.contains("sts_milter_things"))
        }
    }

    @Test("HEAD has the fields of GET, and no body")
    func head() async throws {
        try await withServer { address throws in
            let get = try #require(try PlainClient.get(address, "/metrics"))
            let head = try #require(
                try PlainClient.ask(address, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.field("content-length") == get.field("content-length"))
        }
    }

    @Test("on loopback a name of somebody else is not answered: it would be a page that had its name point here")
    func rebinding() async throws {
        try await withServer { address throws in
            for host in ["attacker.example", "localhost.attacker.example", "attacker.example:8462", "[x]", "a, b"] {
                #expect(try PlainClient.get(address, "/status.json", host: host)?.status == 421, "\(host)")
            }
            for host in ["127.0.0.1:8462", "localhost", "LOCALHOST:80", "[::1]:8462", "192.0.2.1"] {
                #expect(try PlainClient.get(address, "/status.json", host: host)?.status == 200, "\(host)")
            }
            let two = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"
            #expect(try PlainClient.ask(address, two)?.status != 200)
        }
        // A web server before it passes on the name that it was asked for.
        try await withServer(unix: true) { address throws in
            #expect(try PlainClient.get(address, "/healthz", host: "status.example.org")?.status == 200)
        }
    }

    @Test("a head beyond 8 KiB is refused, and so is what comes without end")
    func long() async throws {
        try await withServer { address throws in
            let filler = String(repeating: "x", count: RequestLimit.maxOctets)
            let answer = try PlainClient.get(address, "/metrics?\(filler)")
            #expect(answer?.status == 431)
            let fits = try PlainClient.get(address, "/metrics?\(filler.prefix(RequestLimit.maxOctets - 200))")
            #expect(fits?.status == 200)
        }
    }

    @Test("the sixty-fifth connection is closed at once, and those that end make room")
    func crowd() async throws {
        try await withServer { address throws in
            let clients = try (0..<StatusPageServer.maxConnections).map { _ in try PlainClient(address) }
            #expect(try PlainClient.get(address, "/healthz") == nil)
            for client in clients { client.close() }
            try await Wait.until("there is room again") { try PlainClient.get(address, "/healthz")?.status == 200 }
        }
    }

    @Test("a second request on a connection is not answered")
    func pipelined() async throws {
        try await withServer { address throws in
            let one = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let answer = try #require(try PlainClient.ask(address, one + one))
            #expect(answer.status == 200 && answer.body == "ok\n")
        }
    }
}
