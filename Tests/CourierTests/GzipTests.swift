// SPDX-License-Identifier: Apache-2.0
import Foundation
import Gzip
import LabKit
import Testing
import TestKit

@Suite("Gzip: what goes in comes out, and no more than allowed")
struct GzipTests {
    private static let limit = 10 << 20

    /// Bytes that hardly compress, the same in every run.
    private func noise(_ count: Int) -> [UInt8] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }

    @Test("keeps every octet", arguments: [0, 1, 100, 16 << 10, 64 << 10, 1_000_003])
    func roundTrip(_ count: Int) throws {
        let bytes = noise(count)
        #expect(try decompress(try compress(bytes), limitBytes: Self.limit) == bytes)
        let zeros = [UInt8](repeating: 0, count: count)
        #expect(try decompress(try compress(zeros), limitBytes: Self.limit) == zeros)
    }

    @Test("the same input gives the same output, in whatever pieces it comes")
    func pieces() throws {
        let bytes = noise(300_000)
        var writer = try GzipWriter()
        for start in stride(from: 0, to: bytes.count, by: 777) {
            try writer.write(Array(bytes[start..<min(start + 777, bytes.count)]))
        }
        #expect(writer.compressedCount > 200_000)
        #expect(try writer.finish() == compress(bytes))
    }

    @Test("gzip(1) reads it and is read")
    func gzipProgram() throws {
        let files = try TemporaryDirectory("sts-gzip")
        let bytes = noise(1000) + [UInt8](repeating: 7, count: 100_000)
        let path = files.path + "/ours"
        try Data(try compress(bytes)).write(to: URL(fileURLWithPath: path + ".gz"))
        try Command.check(["gzip", "-dk", path + ".gz"])
        let plain = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(Array(plain) == bytes)
        try Command.check(["gzip", "-f", path])
        let theirs = try Data(contentsOf: URL(fileURLWithPath: path + ".gz"))
        #expect(try decompress(Array(theirs), limitBytes: Self.limit) == bytes)
    }

    @Test("members that follow each other are one content, padding is none")
    func members() throws {
        let (one, two) = (try compress([1, 2, 3]), try compress([4]))
        #expect(try decompress(one + two, limitBytes: 4) == [1, 2, 3, 4])
        #expect(try decompress(one + [0, 0, 0], limitBytes: 4) == [1, 2, 3])
        #expect(throws: GzipError.truncated) { try decompress(one + two.dropLast(), limitBytes: 4) }
        #expect(throws: GzipError.tooLong(limitBytes: 3)) { try decompress(one + two, limitBytes: 3) }
    }

    @Test("a bomb stops at the limit")
    func bomb() throws {
        var writer = try GzipWriter()
        for _ in 0..<64 { try writer.write([UInt8](repeating: 0, count: 1 << 20)) }
        let bomb = try writer.finish()
        #expect(bomb.count < 70_000)
        #expect(throws: GzipError.tooLong(limitBytes: 1 << 20)) { try decompress(bomb, limitBytes: 1 << 20) }
    }

    @Test("what is damaged says how")
    func damage() throws {
        let good = try compress(noise(1000))
        #expect(throws: GzipError.notGzip) { try decompress([], limitBytes: 1) }
        #expect(throws: GzipError.notGzip) { try decompress(Array("{}".utf8), limitBytes: 1) }
        for count in 2..<good.count {
            #expect(throws: GzipError.truncated) { try decompress(Array(good[..<count]), limitBytes: 2000) }
        }
        var changed = good
        changed[good.count - 6] ^= 1
        #expect(throws: GzipError.corrupt) { try decompress(changed, limitBytes: 2000) }
    }
}
