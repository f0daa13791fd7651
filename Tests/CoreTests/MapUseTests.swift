// SPDX-License-Identifier: Apache-2.0
import Basics
import TestKit
import Testing

@testable import Core

@Suite("What enforcement = \"auto\" goes by, and says")
struct MapUseTests {
    let clock = TestClock(UTCTime(secondsSinceEpoch: 1_000_000))
    let log = CapturedLog()
    let changes = Locked(0)

    private func use(_ enforcement: EnforcementChoice) -> MapUse {
        MapUse(enforcement, clock: clock, logger: log.logger) { [changes] in changes.withLock { $0 += 1 } }
    }

    private func hop(_ name: String, port: UInt16 = 25) throws -> NextHop { .mx(of: try DomainName(name), port: port) }

    @Test("the map guards once it is asked, and no longer when it is not: each said once, with the domain")
    func life() throws {
        let use = use(.auto)
        let (a, b) = (try DomainName("a.lab"), try DomainName("b.lab"))
        #expect(try !use.guards(hop("a.lab")))
        #expect(use.text == ["the milter guards alone: the MTA has not asked the policy map yet for mail that it took"])
        use.noteAccepted(a)
        clock.advance(by: .seconds(1))
        use.noteAsked(try hop("a.lab"), by: .byLevel)
        #expect(try use.guards(hop("a.lab")) && use.guards(hop("b.lab")))
        // Nobody has heard the MTA ask for other than the MX hosts of a domain.
        #expect(try !use.guards(hop("a.lab", port: 587)) && !use.guards(.host(a, port: 25)))
        #expect(use.text == ["the policy map guards deliveries: the MTA asked for mail to a.lab at \(clock.now)"])
        let asks = "notice the MTA asks the policy map for mail that it took: the map guards deliveries domain=a.lab"
        #expect(log.lines == [asks])

        let time = clock.now
        use.noteAccepted(b)
        clock.advance(by: .seconds(599))
        use.look()
        #expect(try use.guards(hop("a.lab")) && changes.withLock { $0 } == 1)
        clock.advance(by: .seconds(1))
        use.look()
        use.look()
        #expect(try !use.guards(hop("a.lab")) && !use.guards(hop("b.lab")))
        #expect(log.lines.count == 2 && changes.withLock { $0 } == 2)
        #expect(
            log.lines.last
                == "error mail went in and the MTA did not ask the policy map for it: see what check-mta says accepted=\(time) domain=b.lab guarded_by=the milter alone"
        )
        #expect(
            use.text == [
                "the milter guards alone: mail to b.lab went in at \(time) and the MTA did NOT ask the policy map for it; see what check-mta says"
            ])
        #expect(use.statements.map(\.gravity) == [.unasked] && use.isAsked == false)
        use.noteAccepted(a)
        use.noteAsked(try hop("a.lab"), by: .byLevel)
        #expect(try use.guards(hop("a.lab")) && !use.guards(hop("b.lab")))
        #expect(use.text.last == "the milter guards alone where mail went in and the MTA did NOT ask: b.lab")
        // A table of one's own may answer for it: nothing to look at.
        #expect(use.statements.allSatisfy { $0.gravity == .asMeant } && use.isAsked == true)
    }

    @Test(
        "only a question for a domain's own MX hosts is one for mail to the domain",
        arguments: ["host 25", "mx 587", "host 587"])
    func otherKeys(_ key: String) throws {
        let use = use(.auto)
        let domain = try DomainName("a.lab")
        let port: UInt16 = key.hasSuffix("587") ? 587 : 25
        use.noteAccepted(domain)
        use.noteAsked(key.hasPrefix("host") ? .host(domain, port: port) : .mx(of: domain, port: port), by: .byLevel)
        #expect(try !use.guards(hop("a.lab")) && use.isAsked == nil)
        clock.advance(by: .seconds(600))
        use.look()
        #expect(use.isAsked == false)
    }

    @Test(
        "whether the MTA asks by next hop or by the recipient's domain is known from its questions",
        arguments: [(DANESupport.byLevel, false), (.byItself, true), (.none, true)])
    func keys(_ mta: DANESupport, _ isByRecipient: Bool) throws {
        for asksFirst in [false, true] {
            let use = use(.auto)
            let domain = try DomainName("a.lab")
            #expect(!use.isAskedByRecipient)
            if asksFirst { use.noteAsked(try hop("a.lab"), by: mta) }
            use.noteAccepted(domain)
            if !asksFirst { use.noteAsked(try hop("a.lab"), by: mta) }
            #expect(try use.guards(hop("a.lab")) && use.isAskedByRecipient == isByRecipient)
        }
    }

    @Test("where the operator counts on the map, it is said that nobody guards")
    func explicit() throws {
        let use = use(.milterAndPolicyMap)
        use.noteAccepted(try DomainName("a.lab"))
        clock.advance(by: .seconds(600))
        use.look()
        #expect(log.lines.count == 1 && log.lines[0].hasSuffix("domain=a.lab guarded_by=nobody"), "\(log.lines)")
        #expect(use.text.first?.hasPrefix("NOBODY guards deliveries: mail to a.lab went in") == true)
        #expect(use.statements.map(\.gravity) == [.unguarded] && use.isAsked == false)
        // It asks for other mail.
        use.noteAccepted(try DomainName("b.lab"))
        use.noteAsked(try hop("b.lab"), by: .byLevel)
        #expect(use.statements.map(\.gravity) == [.asMeant, .unasked] && use.isAsked == true)
    }

    @Test("where the milter alone is to guard, nothing is expected of the MTA")
    func milterAlone() throws {
        let use = use(.milter)
        use.noteAccepted(try DomainName("a.lab"))
        clock.advance(by: .seconds(600))
        use.look()
        #expect(log.lines.isEmpty && use.text.isEmpty && use.isAsked == nil)
        // A reload begins anew.
        use.apply(.auto)
        use.noteAccepted(try DomainName("a.lab"))
        use.noteAsked(try hop("a.lab"), by: .byLevel)
        #expect(try use.guards(hop("a.lab")))
        use.apply(.milter)
        use.apply(.auto)
        #expect(try !use.guards(hop("a.lab")))
    }
}

extension MapUse {
    fileprivate var text: [String] { statements.map(\.text) }
}
