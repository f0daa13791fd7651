// SPDX-License-Identifier: Apache-2.0
import Basics
import TLS
import TestKit
import Testing

@testable import DNS

@Suite("Record data is read or refused, whatever its octets")
struct RecordDataTests {
    private static func name(_ labels: String...) -> [UInt8] {
        labels.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    @Test("The strings of a TXT record are joined without anything between")
    func textIsJoined() {
        #expect(joinedText(data: [3] + Array("v=S".utf8) + [0] + [4] + Array("TSv1".utf8)) == Array("v=STSv1".utf8))
        #expect(joinedText(data: [0]) == [])
        #expect(joinedText(data: [255] + Array(repeating: 7, count: 255))?.count == 255)
    }

    @Test(
        "A TXT record with a wrong length is refused",
        arguments: [[], [1], [2, 65], [1, 65, 9], [255, 0]] as [[UInt8]])
    func malformedText(_ data: [UInt8]) { #expect(joinedText(data: data) == nil) }

    @Test("An MX record names a host, the root or an impossible host")
    func exchanges() throws {
        let host = try #require(MXRecord(data: [0, 10] + Self.name("MX1", "example", "org")))
        #expect(host == MXRecord(preference: 10, exchange: .host(try DomainName("mx1.example.org"))))
        #expect(MXRecord(data: [1, 2, 0]) == MXRecord(preference: 258, exchange: .root))
        #expect(MXRecord(data: [0, 0] + Self.name("192", "0", "2", "1"))?.exchange == .invalid("192.0.2.1"))
        #expect(MXRecord(data: [0, 0] + Self.name("a.b", "org"))?.exchange == .invalid("a.b.org"))
        #expect(MXRecord(data: [0, 0] + Self.name("a\nb", "org"))?.exchange == .invalid("a\\x0Ab.org"))
        #expect(MXRecord(data: [0, 0] + Self.name("m\u{FC}x", "org"))?.exchange == .invalid("m\\xC3\\xBCx.org"))
    }

    @Test(
        "An MX record whose name does not fill it is refused",
        arguments: [[], [0], [0, 1], [0, 1, 1], [0, 1, 1, 65], [0, 1, 0, 0], [0, 1, 192, 12], [0, 1, 64, 65, 0]]
            as [[UInt8]])
    func malformedExchange(_ data: [UInt8]) { #expect(MXRecord(data: data) == nil) }

    @Test("A name of more than 255 octets is refused")
    func endlessName() {
        let long: [UInt8] = (0..<200).flatMap { _ in [1, 65] as [UInt8] } + [0]
        #expect(MXRecord(data: [0, 1] + long) == nil)
    }

    @Test("A TLSA record needs data behind its three numbers")
    func tlsa() {
        #expect(TLSARecord(data: [3, 1, 1, 0xAB, 0x0C])?.description == "3 1 1 ab0c")
        for data in [[], [3], [3, 1], [3, 1, 1]] as [[UInt8]] { #expect(TLSARecord(data: data) == nil) }
    }

    @Test("An address has four octets or sixteen, as its type says")
    func addresses() {
        #expect(address(data: [192, 0, 2, 1], type: .a) == IPAddress("192.0.2.1"))
        #expect(address(data: Array(repeating: 0, count: 15) + [1], type: .aaaa) == IPAddress("::1"))
        #expect(address(data: [192, 0, 2, 1], type: .aaaa) == nil)
        #expect(address(data: [1, 2, 3], type: .a) == nil)
        #expect(address(data: [], type: .a) == nil)
    }

    @Test("No octets trap")
    func anything() {
        var generator = SeededGenerator.chosen(for: "record data")
        for _ in 0..<20_000 {
            let data = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                // Small numbers are plausible lengths.
                UInt8.random(in: 0...(Bool.random(using: &generator) ? 8 : 255), using: &generator)
            }
            _ = joinedText(data: data)
            _ = MXRecord(data: data)
            _ = TLSARecord(data: data)
            _ = labels(of: data[...])
            _ = certificate(der: data, identifies: Self.probe)
        }
    }

    private static let probe: DomainName = {
        guard let name = try? DomainName("mx.lab") else { fatalError("a constant name is valid") }
        return name
    }()
}
