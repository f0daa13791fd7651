// SPDX-License-Identifier: Apache-2.0
import PolicyMap
import RuleTables
import Testing

@Suite("Netstrings")
struct NetstringTests {
    @Test("each frame has one form, and its bounds are told before its octets are kept", arguments: MapTable.frames)
    func reads(_ octets: String, _ frame: MapTable.Frame) {
        #expect(head(Array(octets.utf8)) == frame)
    }

    @Test("no prefix of a whole frame is anything but incomplete")
    func prefixes() {
        for case (let octets, .whole(let payload)) in MapTable.frames {
            let frame = Array(octets.utf8)
            let end = payload.utf8.count + String(payload.utf8.count).count + 2
            for count in Set(stride(from: 0, to: end, by: max(1, end / 64))).union([end - 1]) {
                #expect(head(Array(frame[..<count])) == .incomplete)
            }
            #expect(head(Array(frame[..<end])) == .whole(payload))
        }
    }

    private func head(_ octets: [UInt8]) -> MapTable.Frame {
        octets.withUnsafeBytes { octets in
            switch Netstring.head(of: octets) {
            case .incomplete: .incomplete
            case .malformed: .malformed
            case .whole(let payload, _): .whole(String(decoding: octets[payload], as: UTF8.self))
            }
        }
    }
}
