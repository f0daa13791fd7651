// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import Core
import TLSRPT
import TestKit
import Testing

@Suite("Held mail is noted by domain, and nothing else is")
struct HeldMailTests {
    private let clock = TestClock()
    private let domain: DomainName

    init() throws { domain = try DomainName("bad.example") }

    private func disposition(_ verdict: Verdict, isHeldBack: Bool = true) -> Disposition {
        Disposition(
            Judgement(verdict, on: Judgement.Basis(policyDomain: domain)), of: [.mx(of: domain, port: 25)],
            isHeldBack: isHeldBack)
    }

    private func violation(_ text: String) throws -> Verdict {
        let finding = HostFinding(
            host: try DomainName("mx.bad.example"), failures: [Failure(.certificateExpired, text: text)])
        return .violating(Violation(policyDomain: domain, findings: [finding]))
    }

    @Test("messages and deliveries count apart, the last reason stands, the first time stays")
    func counts() throws {
        let held = HeldMail(clock: clock)
        let first = clock.now
        held.note(disposition(try violation("one")))
        clock.advance(by: .seconds(600))
        held.note(disposition(try violation("two")))
        held.note(domain, heldByMapBecause: "no MX host has a name that the policy allows")
        let entry = try #require(held.entries.first?.entry)
        #expect(entry.messages == 2 && entry.deliveries == 1)
        #expect(entry.since == first && entry.lastTry == clock.now)
        #expect(entry.cause.text == "no MX host has a name that the policy allows")
        #expect(entry.hop == .mx(of: domain, port: 25))
    }

    @Test("what is let go is not noted, nor is a verdict that holds nothing back")
    func letGo() throws {
        let held = HeldMail(clock: clock)
        held.note(disposition(try violation("one"), isHeldBack: false))
        held.note(disposition(.conforming(.enforce)))
        #expect(held.entries.isEmpty)
    }

    @Test("a domain is shown for two hours after its last mail, and a later one begins anew")
    func ends() throws {
        let held = HeldMail(clock: clock)
        held.note(disposition(.unproven(Doubt("connection refused"))))
        clock.advance(by: HeldMail.shownFor - .seconds(1))
        #expect(held.entries.map(\.entry.cause.text) == ["connection refused"])
        clock.advance(by: .seconds(1))
        #expect(held.entries.isEmpty)
        held.note(disposition(.unproven(Doubt("connection refused"))))
        #expect(held.entries.first?.entry.since == clock.now)
    }

    @Test("the latest comes first")
    func order() throws {
        let held = HeldMail(clock: clock)
        for name in ["a.example", "b.example", "c.example"] {
            held.note(try DomainName(name), heldByMapBecause: "busy")
            clock.advance(by: .seconds(1))
        }
        held.note(try DomainName("a.example"), heldByMapBecause: "busy")
        #expect(held.entries.map(\.domain.ascii) == ["a.example", "c.example", "b.example"])
    }

    @Test("names that strangers make up do not fill the memory")
    func flood() throws {
        let held = HeldMail(clock: clock)
        let label = String(repeating: "x", count: 60)
        for number in 0..<20_000 {
            held.note(try DomainName("n\(number).\(label).\(label).example"), heldByMapBecause: label + label + label)
        }
        let count = held.entries.count
        #expect((400..<10_000).contains(count), "\(count)")
    }
}
