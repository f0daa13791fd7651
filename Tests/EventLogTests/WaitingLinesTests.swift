// SPDX-License-Identifier: Apache-2.0
@testable import EventLog
import Testing

extension WaitingLines {
    fileprivate mutating func append(_ text: [UInt8], prefix: StaticString, to outlet: Outlet, _ rank: LogRank) {
        text.withUnsafeBufferPointer { append($0, prefix: prefix, to: outlet, rank) }
    }
}

@Suite("Lines that wait")
struct WaitingLinesTests {
    private static let text = [UInt8](repeating: UInt8(ascii: "x"), count: 199)

    private func all(_ lines: inout WaitingLines) -> String {
        var text = ""
        while let piece = lines.next() {
            text += String(decoding: piece.octets, as: UTF8.self)
            lines.reuse(piece)
        }
        return text
    }

    @Test("leave in pieces, in their order, each part to its outlet")
    func parts() throws {
        var lines = WaitingLines()
        for (text, outlet, rank) in [
            ("a", WaitingLines.Outlet.stream, LogRank.ordinary), ("b", .stream, .grave),
            ("c", .syslog(priority: 6), .ordinary),
            ("d", .syslog(priority: 4), .grave), ("e", .syslog(priority: 4), .urgent), ("f", .stream, .ordinary),
        ] { lines.append(Array(text.utf8), prefix: outlet == .stream ? ">" : "", to: outlet, rank) }
        let next = lines.next()
        let piece = try #require(next)
        #expect(String(decoding: piece.octets, as: UTF8.self) == ">a\n>b\nc\0d\0e\0>f\n")
        #expect(piece.parts.map(\.octets) == [6, 2, 4, 3])
        #expect(piece.parts.map(\.outlet) == [.stream, .syslog(priority: 6), .syslog(priority: 4), .stream])
        #expect(lines.pieces.isEmpty && lines.bytes == 0)
    }

    @Test("fill so much memory and no more; ordinary ones leave room for grave ones, and make way for them")
    func bounds() {
        var lines = WaitingLines()
        for _ in 0..<20_000 { lines.append(Self.text, prefix: "", to: .stream, .ordinary) }
        #expect(lines.bytes <= WaitingLines.ordinaryLimitBytes && lines.bytes > WaitingLines.ordinaryLimitBytes - 300)
        let kept = WaitingLines.ordinaryLimitBytes / 200
        #expect(abs(20_000 - lines.dropped.lines - kept) < 20)
        var count = 0
        while lines.dropped.grave == 0 {
            lines.append(Self.text, prefix: "", to: .stream, .grave)
            count += 1
            #expect(lines.bytes <= WaitingLines.limitBytes)
        }
        // Grave lines alone fill it now.
        #expect(lines.dropped.lines == 20_001)
        #expect(abs(count - WaitingLines.limitBytes / 200) < 20)
        lines.append(Self.text, prefix: "", to: .stream, .urgent)
        let dropped = lines.takeDropped()
        #expect(dropped.lines == 20_002 && dropped.grave == 1 && lines.dropped.lines == 0)
        var read = all(&lines)
        #expect(read.utf8.count == (count - 1) * 200)
        #expect(lines.bytes == 0)
        lines.append(Self.text, prefix: "", to: .stream, .ordinary)
        read = all(&lines)
        #expect(read.utf8.count == 200)
    }

    @Test("keep their order where others made way")
    func orderAfterLoss() {
        var lines = WaitingLines()
        for number in 0..<40_000 {
            lines.append(Array("i\(number)".utf8) + Self.text, prefix: "", to: .stream, .ordinary)
            if number.isMultiple(of: 3) {
                lines.append(Array("w\(number)".utf8) + Self.text, prefix: "", to: .syslog(priority: 4), .grave)
            }
        }
        let read = all(&lines).split { $0 == "\n" || $0 == "\0" }
        let numbers = read.compactMap { Int($0.dropFirst().prefix { $0.isNumber }) }
        #expect(numbers == numbers.sorted())
        #expect(read.count { $0.hasPrefix("w") } == 13_334)
    }

    @Test("one of any length")
    func long() {
        var lines = WaitingLines()
        let long = [UInt8](repeating: 0x78, count: 3 * WaitingLines.pieceBytes)
        for text in [[0x61], long, [0x62]] { lines.append(text, prefix: "", to: .stream, .ordinary) }
        let read = all(&lines)
        #expect(read.utf8.count == long.count + 5)
        lines.append([UInt8](repeating: 0x78, count: WaitingLines.limitBytes), prefix: "", to: .stream, .grave)
        #expect(lines.dropped.grave == 1 && lines.pieces.isEmpty)
    }
}
