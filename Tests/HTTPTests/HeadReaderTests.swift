// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

@Suite("Heads of responses, line by line")
struct HeadReaderTests {
    private func read(_ lines: [String]) -> HeadReader.Step {
        var reader = HeadReader()
        var last = HeadReader.Step.more
        for line in lines where last == .more { last = reader.take(Array(line.utf8)) }
        return last
    }

    static let headsRows: [([String], UInt, [String])] = [
        (["HTTP/1.1 200 OK\r\n", "A: b\r\n", "\r\n"], 200, ["a=b"]),
        (["HTTP/2 204 \r\n", "a:b\r\n", "\r\n"], 204, ["a=b"]),
        (["HTTP/1.1 503\n", "A:  b  \n", "\n"], 503, ["a=b"]),
        (
            ["HTTP/1.1 200 OK\r\n", "A: b\r\n", "  c\r\n", "\td \r\n", "E:\r\n", " f\r\n", "\r\n"], 200,
            ["a=b c d", "e=f"]
        ),
        (["HTTP/1.1 200 OK\r\n", " lost\r\n", "no colon\r\n", ": none\r\n", "\r\n"], 200, ["=none"]),
        (["HTTP/1.1 103 Hints\r\n", "A: b\r\n", "\r\n", "HTTP/1.1 404 No\r\n", "\r\n"], 404, []),
        (["HTTP/1.1 200 OK\r\n", "A: \u{E9}\r\n", "\r\n"], 200, ["a=\u{E9}"]),
    ]

    @Test("are read", arguments: headsRows.indices)
    func heads(_ index: Int) {
        let (lines, status, fields) = Self.headsRows[index]
        guard case .head(let head) = read(lines) else {
            Issue.record("no head")
            return
        }
        #expect(head.status == status && head.fields.map { "\($0.name)=\($0.value)" } == fields)
    }

    @Test("say whether the end of the connection is the end of the body")
    func openEnd() {
        let rows: [([String], Bool)] = [
            (["HTTP/1.1 200 OK"], true), (["HTTP/1.0 200 OK"], true), (["HTTP/2 200"], false),
            (["HTTP/1.1 200 OK", "Content-Length: 1"], false),
            (["HTTP/1.1 200 OK", "Transfer-Encoding: Chunked"], false),
            (["HTTP/1.1 200 OK", "Transfer-Encoding: gzip"], true), (["HTTP/1.1 204 No"], false),
        ]
        for (lines, isOpenEnded) in rows {
            guard case .head(let head) = read((lines + [""]).map { $0 + "\r\n" }) else {
                Issue.record("\(lines)")
                continue
            }
            #expect(head.isOpenEnded == isOpenEnded, "\(lines)")
        }
    }

    static let failuresRows: [([String], HTTPFailure)] = [
        (["220 smtp\r\n"], .notHTTP), (["HTTP/1.1\r\n"], .notHTTP), (["HTTP/1.1 20 OK\r\n"], .notHTTP),
        (["HTTP/1.1 2x0 OK\r\n"], .notHTTP),
        (
            [String](repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 1) + [String(repeating: "x", count: 65_536)],
            .headTooLong
        ),
        (["HTTP/1.1 200 OK\r\n", "A: " + String(repeating: "x", count: 65_536)], .headTooLong),
        (["HTTP/1.1 200 OK\r\n"] + [String](repeating: ":\n", count: 257), .headTooLong),
        (["HTTP/1.1 200 OK\r\n", "A: b\r\n"] + [String](repeating: " c\n", count: 256), .headTooLong),
        ([String](repeating: "HTTP/1.1 100 Continue\r\n", count: 17).flatMap { [$0, "\r\n"] }, .interimAnswers),
        (
            [
                "HTTP/1.1 100 Continue\r\n", "\r\n", "HTTP/1.1 100 Continue\r\n",
                "A: " + String(repeating: "x", count: 65_536),
            ],
            .interimAnswers
        ),
    ]

    @Test("have their bounds", arguments: failuresRows.indices)
    func failures(_ index: Int) {
        let (lines, failure) = Self.failuresRows[index]
        #expect(read(lines) == .failed(failure))
    }

    @Test("trailers count, and say nothing")
    func trailers() {
        var reader = HeadReader()
        for line in ["HTTP/1.1 200 OK\r\n", "\r\n"] { _ = reader.take(Array(line.utf8)) }
        #expect(reader.take(Array("A: b\r\n".utf8)) == .more)
        #expect(reader.take([UInt8](repeating: 0x78, count: HeadReader.maxOctets)) == .failed(.headTooLong))
    }
}
