// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import TLSRPT
import Testing

@testable import Probe

@Suite("What the addresses of a host say together")
struct AddressEvidenceTests {
    enum Address: Sendable { case good, bad, down, closed, ours, noRoute, left }

    static let rows: [([Address], isWhole: Bool, String)] = [
        ([.good, .good], true, "conforming"), ([.good, .down], true, "conforming"),
        ([.good, .noRoute], true, "conforming"), ([.good, .bad], true, "failing"), ([.bad, .ours], true, "failing"),
        ([.bad, .left], true, "failing"), ([.good, .ours], true, "not tried"), ([.good, .left], true, "unreachable"),
        ([.good], false, "unreachable"), ([.bad], false, "failing"), ([.down], true, "unreachable"),
        ([.down, .noRoute], true, "unreachable"), ([.noRoute], true, "not tried"), ([.ours], true, "not tried"),
        ([], true, "unreachable"), ([.good, .closed], true, "turned away"), ([.closed, .down], true, "turned away"),
        ([.bad, .closed], true, "failing"), ([.closed, .ours], true, "not tried"),
    ]

    @Test("one that fails is enough, one that was not looked at proves nothing", arguments: rows.indices)
    func together(_ index: Int) throws {
        let (addresses, isWhole, expected) = Self.rows[index]
        let facts = TLSFacts(
            address: try #require(IPAddress("192.0.2.1")), version: "", cipher: "", subject: "", issuer: "",
            notBefore: nil, notAfter: nil, names: [], authentication: .pkix)
        let seen = addresses.map { address -> AddressEvidence in
            switch address {
            case .good: .seen(.conforming(facts))
            case .bad: .seen(.failing([Failure(.starttlsNotSupported, text: "x")], nil))
            case .down: .seen(.unreachable("timed out"))
            case .closed: .seen(.turnedAway("greeting: 421 closing"))
            case .ours: .ownTrouble("no descriptors")
            case .noRoute: .noRoute("no route")
            case .left: .notDialled
            }
        }
        let word =
            switch combine(seen, isWhole: isWhole) {
            case .notTried: "not tried"
            case .seen(.conforming): "conforming"
            case .seen(.failing): "failing"
            case .seen(.unreachable): "unreachable"
            case .seen(.turnedAway): "turned away"
            }
        #expect(word == expected, "\(addresses)")
    }
}
