// SPDX-License-Identifier: Apache-2.0
import Basics
import Discovery
import Gzip
import LabKit
import MTASTS
import TLSRPT
import Testing

// Serialized: every test runs servers of its own, and hundreds of them at once exhaust descriptors.
@Suite("RFC 8461 §3.3: HTTPS Policy Fetching", .serialized)
struct PolicyFetchTests {
    @Test func aPublishedPolicyIsFetchedByOnePlainRequest() async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        let reading = try await world.discoverer().fetch(for: domain, isRenewal: false)
        #expect(reading.policy.mode == .enforce)
        #expect(reading.policy.maxAgeSeconds == 86_400)
        #expect(reading.policy.covers(try DomainName("mx.example.lab")))
        let request = try #require(world.host.requests.first)
        #expect(world.host.requests.count == 1)
        #expect(request.method == "GET")
        #expect(request.host == "mta-sts.example.lab")
        #expect(request.path == PolicyHost.path)
        #expect(Set(request.headers.map(\.name)).isSubset(of: ["host", "user-agent", "accept", "connection"]))
        #expect(request.headers.contains { $0.name == "user-agent" && $0.value == "sts-milter/0.test" })
        #expect(world.host.serverNames == ["mta-sts.example.lab"])
    }

    @Test(arguments: [
        "text/plain", "Text/PLAIN", "text/plain; charset=utf-8", "text/plain;charset=US-ASCII", "text/plain ; x=\"y\"",
    ])
    func aTextOfAnyParametersIsTaken(_ type: String) async throws {
        let world = try World()
        let domain = try world.publish(.good(as: type), for: "example.lab")
        #expect(try await world.failure(for: domain) == nil)
    }

    static let answers: [(PolicyAnswer, ResultType, String)] = [
        (
            .redirect(to: "https://mta-sts.example.lab/good"), .stsPolicyFetchError,
            "HTTP status 301 from mta-sts.example.lab"
        ),
        (.status(302), .stsPolicyFetchError, "HTTP status 302"),
        (.status(304), .stsPolicyFetchError, "HTTP status 304"),
        (.status(201), .stsPolicyFetchError, "HTTP status 201"),
        (.status(404), .stsPolicyFetchError, "HTTP status 404 from mta-sts.example.lab"),
        (.status(500), .stsPolicyFetchError, "HTTP status 500"),
        (
            .good(as: "text/html"), .stsPolicyFetchError,
            "Content-Type text/html from mta-sts.example.lab, not text/plain"
        ),
        (.good(as: "text/plainer"), .stsPolicyFetchError, "Content-Type text/plainer"),
        (.good(as: "text/h\u{E9}"), .stsPolicyFetchError, "Content-Type text/h\\xC3\\xA9 from mta-sts.example.lab"),
        (.good(as: nil), .stsPolicyFetchError, "no Content-Type from mta-sts.example.lab"),
        (.good(octets: 65_537), .stsPolicyFetchError, "policy of mta-sts.example.lab is longer than 65536 octets"),
        (.endless, .stsPolicyFetchError, "policy of mta-sts.example.lab is longer than 65536 octets"),
        (.dropBeforeHeaders, .stsPolicyFetchError, "connection closed by mta-sts.example.lab"),
        (.dropAfterHeaders, .stsPolicyFetchError, "mta-sts.example.lab is not complete"),
        (.goodButCut, .stsPolicyFetchError, "connection closed by mta-sts.example.lab before the end of the policy"),
        (.policy("mode: enforce\n"), .stsPolicyInvalid, "policy of mta-sts.example.lab: no version"),
        (
            .policy("\u{feff}version: STSv1\nmode: enforce\nmx: mx.example.lab\nmax_age: 86400\n"), .stsPolicyInvalid,
            "policy of mta-sts.example.lab: begins with a byte order mark, which some editors add: save it as plain ASCII text"
        ),
        (.policy(""), .stsPolicyInvalid, "policy of mta-sts.example.lab: no version"),
        (.policy(mode: "enforce", mx: []), .stsPolicyInvalid, "policy of mta-sts.example.lab: no valid mx"),
    ]

    @Test(arguments: answers.indices)
    func anyOtherAnswerIsAFailureWithItsType(_ index: Int) async throws {
        let (answer, type, text) = Self.answers[index]
        let world = try World()
        world.host.set(path: "/good", .good)
        let domain = try world.publish(answer, for: "example.lab")
        let failure = try #require(try await world.failure(for: domain))
        #expect(failure.type == type)
        #expect(failure.text.contains(text), "\(failure.text)")
        #expect(failure.text.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(world.host.requests.count == 1)
        try await Wait.until("no connection is left") { try world.openConnections == 0 }
    }

    static let policy = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.lab\r\nmax_age: 86400\r\n"

    /// The good policy as other servers send it.
    static let odd: [(String, PolicyAnswer)] = {
        var gzip = PolicyAnswer.good
        // Compressed without being asked, as some servers do.
        gzip.headers = [("Content-Encoding", "gzip")]
        gzip.body = .octets((try? compress(Array(policy.utf8))) ?? [])
        let length = "Content-Length: \(policy.utf8.count)"
        return [
            ("gzip", gzip),
            ("a folded field", raw("HTTP/1.1 200 OK\r\nContent-Type:\r\n text/plain\r\n\(length)\r\n\r\n\(policy)")),
            ("line ends of LF", raw("HTTP/1.1 200 OK\nContent-Type: text/plain\n\(length)\n\n\(policy)")),
        ]
    }()

    private static func raw(_ text: String) -> PolicyAnswer { .attack(.octets(Array(text.utf8))) }

    @Test(arguments: odd.indices)
    func aPolicyInAnOddAnswerIsTaken(_ index: Int) async throws {
        let (what, answer) = Self.odd[index]
        let world = try World()
        let domain = try world.publish(answer, for: "example.lab")
        let failure = try await world.failure(for: domain)
        #expect(failure == nil, "\(what): \(failure?.text ?? "")")
    }

    @Test func aPolicyHostMaySpeakHTTP2Only() async throws {
        let world = try World()
        let name = "mta-sts.example.lab"
        let host = try HTTP2Host(
            address: world.address(45), credential: world.authority.issue(names: [name]),
            files: [String(PolicyHost.path.dropFirst()): Self.policy])
        world.names.set(name, .a(host.address))
        #expect(try await world.failure(for: try DomainName("example.lab")) == nil)
    }

    @Test func theLimitHoldsForADecodedBody() async throws {
        var bomb = PolicyAnswer.good
        bomb.headers = [("Content-Encoding", "gzip")]
        bomb.body = .octets(try compress([UInt8](repeating: 0x78, count: 8 << 20)))
        let world = try World()
        let failure = try await world.failure(for: try world.publish(bomb, for: "example.lab"))
        #expect(failure?.text == "policy of mta-sts.example.lab is longer than 65536 octets")
    }

    @Test func aBodyOfTheFullLimitIsTaken() async throws {
        let world = try World()
        let domain = try world.publish(.good(octets: 65_536), for: "example.lab")
        #expect(try await world.failure(for: domain) == nil)
    }

    @Test func aNameTooLongForAPolicyHostFailsAtOnce() async throws {
        let world = try World()
        let label = String(repeating: "a", count: 62)
        let domain = try DomainName([label, label, label, String(label.dropLast(5)), "x"].joined(separator: "."))
        let failure = try #require(try await world.failure(for: domain))
        #expect(failure.type == .stsPolicyFetchError)
    }
}
