// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Events
import Glibc
import SMTP
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

    @Test(
        "a refusal that the network brings is never a failure of our own, whatever it says",
        arguments: [ENETUNREACH, EACCES, EPERM, EHOSTUNREACH, ECONNREFUSED, ENETDOWN])
    func refusals(code: Int32) throws {
        let address = try #require(IPAddress("192.0.2.1"))
        let error = SystemError("connect", code: code)
        guard case .seen(.unreachable) = ProbeAttempt.unconnected(.refused(error), at: address) else {
            Issue.record("\(error) counts as ours")
            return
        }
        // Said by this machine, at once, two of them are.
        switch (ProbeAttempt.unconnected(.system(error), at: address), code) {
        case (.noRoute, ENETUNREACH), (.noRoute, ENETDOWN), (.localFailure, EACCES), (.localFailure, EPERM): break
        case (.seen(.unreachable), EHOSTUNREACH), (.seen(.unreachable), ECONNREFUSED): break
        case (let evidence, _): Issue.record("\(error): \(evidence)")
        }
        // Nor is one that comes in the middle of a dialogue.
        #expect(!StreamError.system(SystemError("recv", code: code)).isOurs)
        #expect(StreamError.system(SystemError("recv", code: ENOBUFS)).isOurs)
    }

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
            case .ours: .localFailure("no descriptors")
            case .noRoute: .noRoute("no route")
            case .left: .notDialled
            }
        }
        let word =
            switch combine(seen, isWhole: isWhole, isOffline: true) {
            case .notTried: "not tried"
            case .seen(.conforming): "conforming"
            case .seen(.failing): "failing"
            case .seen(.unreachable): "unreachable"
            case .seen(.turnedAway): "turned away"
            case .seen(.unresolved): "unresolved"
            }
        #expect(word == expected, "\(addresses)")
    }

    @Test("an address without a way to it is our own failure only while there is none to anywhere")
    func forgedAddress() {
        guard case .notTried = combine([.noRoute("a")], isWhole: true, isOffline: true) else {
            Issue.record("offline, and it is the host's")
            return
        }
        guard case .seen(.unreachable) = combine([.noRoute("a")], isWhole: true, isOffline: false) else {
            Issue.record("whoever chose the address has made it ours")
            return
        }
    }
}
