// SPDX-License-Identifier: Apache-2.0
import Foundation
import Gzip
import TestKit
import Testing
@testable import Intake

@Suite("A log compressed by gzip is read as its content")
struct CompressedLogTests {
    private let text = (0..<20_000).map { "Nov 23 20:43:22 vm postfix/qmgr[7]: \($0): removed\n" }.joined()

    private func lines(of octets: [UInt8]) throws -> String {
        let folder = try TemporaryDirectory("sts-gzip")
        let path = folder.path + "/log"
        try Data(octets).write(to: URL(fileURLWithPath: path))
        var stream = try LineStream(path: path)
        var text = ""
        while try stream.read({ text += String(decoding: $0, as: UTF8.self) }) {}
        return text
    }

    @Test("one member, several, and what follows the last")
    func members() throws {
        let half = text.utf8.count / 2
        let parts = [Array(text.utf8.prefix(half)), [], Array(text.utf8.dropFirst(half))].map { Array($0) }
        let packed = try compress(Array(text.utf8))
        #expect(try lines(of: packed) == text)
        #expect(try lines(of: packed + [0, 0, 0]) == text)
        #expect(try lines(of: packed + [0x1F]) == text)
        #expect(try lines(of: parts.flatMap { try compress($0) }) == text)
        #expect(try lines(of: try compress(Array("no end".utf8))) == "no end\n")
        #expect(try lines(of: try compress([])) == "")
    }

    @Test("a member that ends early or is damaged is an error, after what came before it")
    func damaged() throws {
        let packed = try compress(Array(text.utf8))
        #expect(throws: LogFileError.other("gzip data ends too early")) { try lines(of: packed.dropLast(9)) }
        #expect(throws: LogFileError.other("gzip data ends too early")) { try lines(of: packed.dropLast(1)) }
        var other = packed
        other[other.count - 5] ^= 1
        #expect(throws: LogFileError.other("gzip data is damaged")) { try lines(of: other) }
        #expect(throws: LogFileError.other("gzip data is damaged")) {
            try lines(of: [0x1F, 0x8B] + [UInt8](repeating: 0, count: 20))
        }
    }

    @Test("octet by octet, as a pipe may give it", arguments: [1, 2, 3, 1000])
    func pieces(_ size: Int) throws {
        let packed = try compress(Array(text.utf8.prefix(5000))) + compress(Array("more\n".utf8)) + [0x1F]
        let reader = try GzipReader()
        var rest = packed[...]
        var found: [UInt8] = []
        var room = [UInt8](repeating: 0, count: size)
        while true {
            let count = try room.withUnsafeMutableBytes { room throws(GzipError) in
                try reader.read(into: room) { target in
                    let piece = rest.prefix(min(size, target.count))
                    target.copyBytes(from: piece)
                    rest = rest.dropFirst(piece.count)
                    return piece.count
                }
            }
            if count == 0 { break }
            found += room.prefix(count)
        }
        #expect(found == Array(text.utf8.prefix(5000)) + Array("more\n".utf8))
    }

    @Test("what is short and not compressed is read as it is", arguments: ["", "a", "\u{1F}", "\u{1F}b\n"])
    func plain(_ text: String) throws {
        #expect(try lines(of: Array(text.utf8)) == (text.isEmpty || text.hasSuffix("\n") ? text : text + "\n"))
    }
}
