// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Gzip
import HTTP
import LabKit
import Testing

// Serialized: every test runs servers of its own.
@Suite("Responses: what is read, and where it ends", .serialized)
struct ResponseTests {
    @Test("one plain request, as it was asked for")
    func plain() async throws {
        let lab = try HTTPLab()
        let response = try await lab.client.response(to: lab.request())
        #expect(response.head.status == 200 && response.body == Array("hello".utf8) && !response.isEarly)
        #expect(response.head.first("content-type") == "text/plain")
        let request = try #require(lab.host.requests.first)
        #expect(request.method == "GET" && request.path == "/x?y=z" && request.host == HTTPLab.name)
        let names = request.headers.map(\.name).sorted()
        #expect(names == ["accept", "connection", "host", "user-agent"])
        #expect(lab.host.serverNames == [HTTPLab.name])
        try await Wait.until("the connection is closed") { lab.host.openConnections == 0 }
    }

    @Test("a path goes out as it is")
    func path() async throws {
        let lab = try HTTPLab()
        lab.host.set(path: "/a/../b%2f//c", .body(.text("odd")))
        _ = try await lab.client.response(to: lab.request(path: "/a/../b%2f//c"))
        #expect(lab.host.requests.last?.path == "/a/../b%2f//c")
    }

    static let text = String(repeating: "version: STSv1\r\n", count: 100)

    @Test("a compressed body is decoded")
    func compressed() async throws {
        let gzip = try compress(Array(Self.text.utf8))
        for (octets, coding) in [(gzip, "gzip"), (gzip, "x-gzip"), (gzip, "identity, gzip")] {
            #expect(try await HTTPLab(.coded(octets, coding)).text() == Self.text, "\(coding)")
        }
        // zlib's frame, stored: 'hello'.
        let deflate: [UInt8] = [0x78, 0x01, 0x01, 5, 0, 0xFA, 0xFF] + Array("hello".utf8) + [0x06, 0x2C, 0x02, 0x15]
        #expect(try await HTTPLab(.coded(deflate, "deflate")).text() == "hello")
        // A metablock of brotli that is not compressed: 'hello', and the empty last one.
        let brotli: [UInt8] = [0x0B, 0x02, 0x80] + Array("hello".utf8) + [0x03]
        #expect(try await HTTPLab(.coded(brotli, "br")).text() == "hello")
    }

    @Test("the limit holds for what was decoded")
    func bomb() async throws {
        let bomb = try compress([UInt8](repeating: 0x78, count: 32 << 20))
        #expect(bomb.count < 65_536)
        #expect(try await HTTPLab(.coded(bomb, "gzip")).failure() == .bodyTooLong)
        // Members without content, without end.
        let empty = try compress([])
        let many = [[UInt8]](repeating: empty, count: 20_000).flatMap { $0 }
        #expect(try await HTTPLab(.coded(many, "gzip")).failure() != nil)
        let exact = try compress([UInt8](repeating: 0x78, count: 65_536))
        #expect(try await HTTPLab(.coded(exact, "gzip")).text().utf8.count == 65_536)
    }

    /// Heads that have libcurl decode what was decoded.
    static let piled = [
        "Content-Encoding: gzip, gzip", "Content-Encoding: gzip\r\nContent-Encoding: gzip",
        "Content-Encoding: gzip,\r\n gzip", "content-encoding:gzip,identity,GZIP", "Transfer-Encoding: gzip, gzip",
        "Transfer-Encoding: gzip, chunked\r\nContent-Encoding: gzip", "Transfer-Encoding: chunked, chunked",
        "Content-Encoding: br\r\nTransfer-Encoding: gzip",
    ]

    @Test("a body that was packed twice is not unpacked: nothing in it would be bounded", arguments: piled)
    func piledUp(_ fields: String) async throws {
        // Stored blocks of deflate that hold nothing: what they unpack to never reaches the limit of the body.
        let nothing = [[UInt8]](repeating: [0, 0, 0, 0xFF, 0xFF], count: 1 << 20).flatMap { $0 }
        let body = try compress(compress(nothing))
        let head = Array("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n".utf8)
        #expect(try await HTTPLab(.attack(.octets(head + body))).failure() == .encoding)
    }

    @Test("nor does an interim answer add to what is unpacked")
    func piledUpByInterim() async throws {
        let body = try compress(Array(Self.text.utf8))
        let interim = "HTTP/1.1 103 Early Hints\r\nContent-Encoding: gzip\r\n\r\n"
        let head = Array("\(interim)HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".utf8)
        #expect(try await HTTPLab(.attack(.octets(head + body))).failure() == .encoding)
    }

    @Test("a coding that is unknown, broken or piled up is a failure")
    func badCoding() async throws {
        let gzip = try compress(Array(Self.text.utf8))
        let many = [String](repeating: "gzip", count: 40).joined(separator: ", ")
        for (octets, coding) in [(gzip, "rot13"), (Array("no gzip".utf8), "gzip"), (gzip, many)] {
            #expect(try await HTTPLab(.coded(octets, coding)).failure() == .encoding, "\(coding)")
        }
        #expect(try await HTTPLab(.coded(Array(gzip.dropLast(20)), "gzip")).text() != Self.text)
    }

    static let headsRows: [(String, String)] = [
        ("HTTP/1.1 200 OK\r\nContent-Type:\r\n text/plain;\r\n\tx=y\r\nContent-Length: 2\r\n\r\nok", "text/plain; x=y"),
        ("HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 2\n\nok", "text/plain"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-TYPE :text/plain\r\nContent-Length: 2\r\n\r\nok",
            "text/plain"
        ),
        ("HTTP/1.0 200 OK\r\nContent-Type: a\r\nContent-Type: b\r\n\r\nok", "a"),
    ]

    @Test("folded fields, line ends of LF and other odd heads are read", arguments: headsRows.indices)
    func heads(_ index: Int) async throws {
        let (octets, type) = Self.headsRows[index]
        let response = try await HTTPLab(.raw(octets)).outcome().get()
        #expect(response.head.status == 200 && response.body == Array("ok".utf8))
        #expect(response.head.first("content-type") == type)
    }

    static let brokenRows: [(PolicyAnswer, HTTPFailure)] = [
        (.endless, .bodyTooLong), (.body(.bytes(65_537)), .bodyTooLong),
        (.attack(.continueWithoutEnd), .interimAnswers),
        (.interimWithoutEnd, .interimAnswers),
        (.attack(.chunkExtensionWithoutEnd), .tooManyOctets),
        (.raw("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 300_000)), .headTooLong),
        (.raw("HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 20_000) + "\r\n"), .headTooLong),
        (.raw("220 smtp.lab ESMTP\r\n"), .notHTTP), (.raw("<html>HTTP/0.9</html>"), .notHTTP),
        (.raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nno"), .notHTTP), (.dropAfterHeaders, .notHTTP),
        (.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), .closed(.readingBody)),
        (.dropBeforeHeaders, .closed(.awaitingHead)),
    ]

    @Test("what has no end is ended, what is broken fails", arguments: brokenRows.indices)
    func broken(_ index: Int) async throws {
        let (answer, failure) = Self.brokenRows[index]
        let lab = try HTTPLab(answer)
        #expect(try await lab.failure { $0.connectTimeout = .seconds(5) } == failure)
        try await Wait.until("no connection is left") { lab.host.openConnections == 0 }
    }

    @Test("an end without TLS's goodbye is no end of a body")
    func cut() async throws {
        var answer = PolicyAnswer.body(.text("half a policy"))
        answer.fault = .cut
        let failure = try await HTTPLab(answer).failure()
        #expect(failure == .closed(.readingBody), "\(failure.map { "\($0)" } ?? "none")")
    }

    @Test("a response that is not wanted is not read")
    func unwanted() async throws {
        var answer = PolicyAnswer.endless
        answer.status = 404
        let response = try await HTTPLab(answer).outcome { $0.wantsBody = { $0.status == 200 } }.get()
        #expect(response.head.status == 404 && response.body.isEmpty)
        let moved = try await HTTPLab(.redirect(to: "https://host.lab/x?y=z")).outcome().get()
        #expect(moved.head.status == 301 && moved.head.first("location") != nil)
    }

    @Test("of an excerpt any beginning will do")
    func excerpt() async throws {
        let endless = try await HTTPLab(.endless).outcome {
            $0.bodyLimitBytes = 100
            $0.excerptWaitLimit = .seconds(10)
        }
        #expect(try endless.get().body.count == 100)
        let drip = PolicyAnswer.body(.drip("slow", everyMilliseconds: 10_000))
        let slow = try await HTTPLab(drip).outcome { $0.excerptWaitLimit = .milliseconds(100) }
        #expect(try slow.get().body == Array("s".utf8))
        let dropped = try await HTTPLab(.dropAfterHeaders).outcome { $0.excerptWaitLimit = .seconds(10) }
        #expect(try dropped.get().head.status == 200)
    }
}
