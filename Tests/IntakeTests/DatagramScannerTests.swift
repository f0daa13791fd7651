// SPDX-License-Identifier: Apache-2.0
import Foundation
import RuleTables
import Testing
@testable import Intake

@Suite("The scanner of datagrams reads what it reads as the JSON library does, and leaves the rest to it")
struct DatagramScannerTests {
    /// What the library makes of it; nil for a refusal.
    private func decoded(_ octets: [UInt8]) -> TLSRPTDatagram? { try? TLSRPTDatagram(decoding: octets) }

    /// - Returns: whether the scanner read it.
    private func compare(_ octets: [UInt8]) -> Bool {
        guard DatagramScanner.message(octets) != nil else { return false }
        let (read, expected) = (try? TLSRPTDatagram(octets), decoded(octets))
        // The expectation itself is dearer than what it expects: made only of what is wrong.
        if read != expected { #expect(read == expected, "\(String(decoding: octets, as: UTF8.self))") }
        // It may be refused, but only for what it says.
        if expected == nil { #expect(throws: Never.self) { try TLSRPTDatagram.decode(octets) } }
        return true
    }

    @Test("all rows, and those that were captured without the library")
    func rows() {
        #expect(DatagramRows.captured.allSatisfy { compare(Array($0.utf8)) })
        let odd = DatagramRows.tolerated.map(\.datagram) + DatagramRows.refused.map(\.datagram)
        for datagram in odd { _ = compare(Array(datagram.utf8)) }
        #expect(!compare(DatagramRows.escapes))
    }

    @Test("a captured datagram that is cut anywhere, or has any other octet anywhere")
    func changed() {
        var read = 0
        for datagram in DatagramRows.captured {
            let octets = Array(datagram.utf8)
            for place in octets.indices {
                if compare(Array(octets[..<place])) { Issue.record("read to \(place): \(datagram)") }
                for octet in Array("\"\\{}[],:0129.-eE nu/ \n\t".utf8) + [0, 0x1F, 0x7F, 0x80, 0xFF] {
                    var other = octets
                    other[place] = octet
                    if compare(other) { read += 1 }
                    other.insert(octets[place], at: place)
                    if compare(other) { read += 1 }
                }
            }
        }
        #expect(read > 10_000)
    }

    @Test(
        "what it does not know is the library's",
        arguments: [
            #"{"d":"example.com","policies":[{"policy-type":9,"f":0}],"new":1}"#,
            #"{"d":"example.com","d":"example.org","policies":[{"policy-type":9,"f":0}]}"#,
            #"{"d":"example.com","policies":[{"policy-type":9.0,"f":0}]}"#,
            #"{"d":"example.com","policies":[{"policy-type":9,"f":-0}]}"#,
            #"{"d":"example.com","policies":[{"policy-type":9,"f":00}]}"#,
            #"{"d":"example.com","pr":null,"policies":[{"policy-type":9,"f":0}]}"#,
            #"{"d":"example\u002ecom","policies":[{"policy-type":9,"f":0}]}"#,
            #"{"d":"example.com","policies":[{"policy-type":9,"f":0}]}x"#, #"{"d":"example.com","policies":[]}"#,
            #"{"dpv":"2","d":"example.com","policies":[{"policy-type":9,"f":0}]}"#,
            #"{"d":"example.com","policies":[{"policy-type":9,"policy-string":[],"f":0}]}"#,
        ])
    func left(_ datagram: String) { #expect(DatagramScanner.message(Array(datagram.utf8)) == nil) }
}
