// SPDX-License-Identifier: Apache-2.0
import Basics
import Events
import Glibc
import HTTP
import LabKit
import Synchronization
import TLS
import Testing

// Serialized: every test runs servers of its own.
@Suite("Connections: to the address that was checked, by TLS 1.2 or later, within the time", .serialized)
struct ConnectionTests {
    @Test("a host that speaks HTTP/2 and nothing else is asked")
    func http2() async throws {
        let lab = try HTTPLab()
        let credential = try lab.authority.issue(names: [HTTPLab.name])
        let host = try HTTP2Host(address: lab.address(2), credential: credential, files: ["x.txt": "hello"])
        let response = try await lab.client.response(to: lab.request(at: host.address, path: "/x.txt"))
        #expect(response.head.status == 200 && response.body == Array("hello".utf8))
        #expect(response.head.first("content-type") == "text/plain")
        #expect(host.log.contains(":authority: host.lab") && !host.log.contains("connection: close"))
    }

    @Test("neither the environment's proxy nor its authorities have a say")
    func environment() async throws {
        for name in ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"] { setenv(name, "http://127.7.0.1:1", 1) }
        setenv("CURL_CA_BUNDLE", "/nonexistent", 1)
        defer { for name in ["https_proxy", "HTTPS_PROXY", "ALL_PROXY", "CURL_CA_BUNDLE"] { unsetenv(name) } }
        #expect(try await HTTPLab().text() == "hello")
    }

    @Test("one client judges each request by the authorities of its own")
    func authorities() async throws {
        let lab = try HTTPLab()
        let stranger = try CertificateAuthority(commonName: "other root")
        let other = try TLSContext(caFile: stranger.caFile)
        var request = HTTPRequest(
            host: try DomainName(HTTPLab.name), address: try #require(IPAddress(lab.host.address)), path: "/x?y=z",
            trust: other, deadline: .now + .seconds(20))
        request.connectTimeout = .seconds(10)
        for _ in 0..<3 {
            #expect(try await lab.text() == "hello")
            await #expect(throws: HTTPFailure.self) { try await lab.client.response(to: request) }
        }
        #expect(lab.host.requests.count == 3)
    }

    @Test("without authorities any certificate is taken, by a host without a name as well")
    func anyCertificate() async throws {
        let lab = try HTTPLab(credential: try CertificateAuthority().issue(names: ["other.lab"]))
        #expect(try await lab.client.response(to: lab.request(trusting: false)).head.status == 200)
        let bare = HTTPRequest(
            host: nil, address: try #require(IPAddress(lab.host.address)), path: "/x?y=z", trust: nil,
            deadline: .now + .seconds(20))
        #expect(try await lab.client.response(to: bare).head.status == 200)
        #expect(lab.host.serverNames == [HTTPLab.name, nil])
        #expect(lab.host.requests.last?.host == lab.host.address)
    }

    static let faultsRows: [(PolicyHost.ConnectionFault, HTTPFailure)] = [
        (.silent, .connectTimeout), (.closed, .closed(.connecting)), (.garbage, .handshake("wrong version number")),
    ]

    @Test("a host without TLS is a failure", arguments: faultsRows.indices)
    func withoutTLS(_ index: Int) async throws {
        let (fault, expected) = Self.faultsRows[index]
        let lab = try HTTPLab()
        lab.host.connectionFault = fault
        let failure = try await lab.failure { $0.connectTimeout = fault == .silent ? .milliseconds(300) : .seconds(10) }
        // How early a connection closes is not ours to say.
        let isReset = fault == .closed && failure == .system(SystemError("connect", code: ECONNRESET))
        #expect(failure == expected || isReset, "\(failure.map { "\($0)" } ?? "")")
    }

    @Test("TLS below 1.2 is none")
    func oldTLS() async throws {
        let lab = try HTTPLab()
        lab.host.maximumTLSVersion = .tlsv11
        #expect(try await lab.failure() == .handshake("tlsv1 alert protocol version"))
        lab.host.maximumTLSVersion = .tlsv12
        #expect(try await lab.text() == "hello")
    }

    @Test("a refused connection says so, and so does an address without a route")
    func refused() async throws {
        let lab = try HTTPLab()
        lab.host.stop()
        #expect(try await lab.failure() == .system(SystemError("connect", code: ECONNREFUSED)))
        let unreachable = try lab.request(at: "192.0.2.1", within: .seconds(2))
        await #expect(throws: HTTPFailure.system(SystemError("connect", code: ENETUNREACH))) {
            try await lab.client.response(to: unreachable)
        }
    }

    @Test("a lack of descriptors is a failure of our own")
    func descriptors() async throws {
        let lab = try HTTPLab()
        let request = try lab.request()
        var held: [Int32] = []
        while held.count < 1_000_000 {
            let descriptor = open("/dev/null", O_RDONLY)
            guard descriptor >= 0 else { break }
            held.append(descriptor)
        }
        let outcome: Result<HTTPResponse, HTTPFailure>
        do { outcome = .success(try await lab.client.response(to: request)) } catch { outcome = .failure(error) }
        for descriptor in held { close(descriptor) }
        #expect(outcome == .failure(.system(SystemError("socket", code: EMFILE))))
        #expect(try await lab.text() == "hello")
    }

    static let slowRows: [(PolicyAnswer, HTTPRequest.Stage)] = [
        (.hang, .awaitingHead), (.attack(.headerWithoutEnd), .awaitingHead),
        (.attack(.headOctetEvery(milliseconds: 20)), .awaitingHead),
        (.body(.drip(String(repeating: "x", count: 1000), everyMilliseconds: 20)), .readingBody),
    ]

    @Test("the deadline ends a host that drips, and says where", arguments: slowRows.indices)
    func slow(_ index: Int) async throws {
        let (answer, stage) = Self.slowRows[index]
        let lab = try HTTPLab(answer)
        let start = ContinuousClock.now
        let request = try lab.request(within: .milliseconds(700))
        await #expect(throws: HTTPFailure.deadline(stage)) { try await lab.client.response(to: request) }
        #expect(ContinuousClock.now - start < .seconds(10))
        try await Wait.until("no connection is left") { lab.host.openConnections == 0 }
    }

    @Test("a cancelled task ends its transfer at once, at whatever moment")
    func cancelled() async throws {
        let lab = try HTTPLab(.hang)
        let request = try lab.request()
        await withTaskGroup { group in
            for step in 0..<100 {
                group.addTask {
                    let task = Task { try await lab.client.response(to: request) }
                    try? await Task.sleep(for: .microseconds(step * 200))
                    task.cancel()
                    await #expect(throws: HTTPFailure.cancelled) { try await task.value }
                }
            }
        }
        try await Wait.until("no connection is left") { lab.host.openConnections == 0 }
        lab.client.shutdown()
        await #expect(throws: HTTPFailure.cancelled) { try await lab.client.response(to: request) }
    }

    @Test("two hundred hosts that hang keep nobody waiting")
    func many() async throws {
        let lab = try HTTPLab(.hang)
        lab.host.set(path: "/quick", .body(.text("hello")))
        let request = try lab.request(within: .seconds(300))
        let slow = (0..<200).map { _ in Task { try await lab.client.response(to: request) } }
        try await Wait.until("all are asked", within: .seconds(120)) { lab.host.requests.count == 200 }
        #expect(try await lab.client.response(to: lab.request(path: "/quick")).body == Array("hello".utf8))
        lab.client.shutdown()
        for task in slow { await #expect(throws: HTTPFailure.cancelled) { try await task.value } }
        try await Wait.until("no connection is left") { lab.host.openConnections == 0 }
    }
}
