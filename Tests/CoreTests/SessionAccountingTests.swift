// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import Core
import TLSRPT
import TestKit
import Testing

@Suite("SessionAccounting: what the MTA tells, held against the policies in force")
struct SessionAccountingTests {
    let world = World()
    let policyCache: PolicyCache
    let routes: RouteCache
    let hops: ObservedNextHops
    let mapKeys: ObservedMapKeys
    let gate: Gate
    let held: HeldMail
    let domain: DomainName

    init() throws {
        domain = try DomainName("example.org")
        policyCache = world.policyCache()
        routes = RouteCache(router: world.router, clock: world.clock)
        hops = ObservedNextHops(clock: world.clock)
        mapKeys = ObservedMapKeys(clock: world.clock)
        held = HeldMail(clock: world.clock)
        var settings = GateSettings()
        settings.enforcement = .milterAndPolicyMap
        gate = Gate(
            resolver: world.resolver(policyCache, routes: routes), recorder: world.recorder, settings: settings)
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
    }

    private func accounting(
        datagrams: Bool = false, log: Bool = true, ownReports addresses: Set<String> = [],
        waitLimit: Duration = .seconds(10)
    ) -> SessionAccounting {
        SessionAccounting(
            policies: policyCache, routes: routes, hops: hops, mapKeys: mapKeys, gate: gate, held: held,
            ownReports: OwnReports(outbox: Outbox(addresses: addresses), clock: world.clock),
            countsDatagrams: datagrams,
            readsLog: log, lookupTimeout: waitLimit, clock: world.clock)
    }

    private func session(
        _ result: ObservedSession.Result, host: String = "mx1.example.org", hasDatagram: Bool = false
    ) throws -> ObservedSession {
        var session = ObservedSession(
            source: .postfixLog, time: world.clock.now, domain: domain, host: try DomainName(host),
            address: IPAddress("192.0.2.1"), result: result, queueID: "ABC")
        session.hasDatagram = hasDatagram
        return session
    }

    private func types(_ counts: [SessionCount]) -> [String] {
        counts.map {
            "\($0.domain) \($0.policy.reported.type.text) " + ($0.failure?.type.text ?? "success")
        }
    }

    @Test("a session counts under the policy of the recipient's domain")
    func ordinary() async throws {
        let counts = await accounting().counts(of: [try session(.verified), try session(.plaintext)])
        // The host has TLS, as the first has shown.
        #expect(types(counts) == ["example.org sts success", "example.org sts validation-failure"])
        #expect(counts.last?.failure?.reasonCode == "starttls-not-used")
        #expect(counts.first?.policy.reported.mxHosts == ["mx1.example.org"])
    }

    @Test("mail that the MTA is set to send in the clear is in no report, with datagrams and without")
    func notWanted() async throws {
        for datagrams in [false, true] {
            let accounted = await accounting(datagrams: datagrams).account(for: [try session(.notWanted)])
            #expect(accounted.counts.isEmpty && accounted.leftOut == [.notWanted: 1])
        }
    }

    @Test("a delivery that the MTA broke off for an enforce policy is held mail, until one goes")
    func heldAtDelivery() async throws {
        let expired = try session(.failed(.certificateExpired, reason: nil))
        _ = await accounting().counts(of: [expired, expired])
        let entry = try #require(held.entry(of: domain))
        #expect(entry.deliveries == 2 && entry.messages == 0 && entry.cause.host?.ascii == "mx1.example.org")
        #expect(entry.cause.type == .certificateExpired && entry.cause.text == "the certificate has expired")
        // Another host took the mail.
        _ = await accounting().counts(of: [expired, try session(.verified)])
        #expect(held.entry(of: domain) == nil)
        // What an old log tells is past.
        world.clock.advance(by: HeldMail.shownFor)
        _ = await accounting().counts(of: [expired])
        #expect(held.entry(of: domain) == nil)
    }

    @Test("a session that failed under a testing policy holds no mail")
    func notHeld() async throws {
        world.discoverer.policyAnswer = .success(body(.testing))
        _ = await accounting().counts(of: [try session(.failed(.certificateExpired, reason: nil))])
        #expect(held.entries.isEmpty)
    }

    @Test("a host that no MX record names is a relay of the site's own, and not counted")
    func relay() async throws {
        let counts = await accounting().counts(of: [try session(.trusted, host: "relay.example.net")])
        #expect(counts.isEmpty)
    }

    @Test("a relay that is dialled by its address is not counted for the recipient's domain")
    func relayByAddress() async throws {
        let session = ObservedSession(
            source: .postfixLog, time: world.clock.now, domain: domain, host: nil, address: IPAddress("192.0.2.25"),
            result: .trusted, queueID: "ABC")
        #expect(await accounting().counts(of: [session]).isEmpty)
    }

    @Test("a content filter or relay, which is dialled at another port, is not counted for the recipient's domain")
    func otherPort() async throws {
        var filter = try session(.plaintext)
        filter.port = 10_024
        var own = try session(.verified)
        own.port = 25
        for isKnown in [false, true] {
            if isKnown {
                let hop = NextHop.mx(of: domain, port: 25)
                hops.note(
                    Disposition(Judgement(.noPolicy(nil)), of: [hop], recipientDomain: domain, isHeldBack: false))
            }
            #expect(types(await accounting().counts(of: [filter, own])) == ["example.org sts success"])
        }
        // In doubt, too: where the MX records cannot be looked up.
        world.router.answer = .failure(.unavailable("no answer"))
        #expect(types(await accounting().counts(of: [filter, own])) == ["example.org sts success"])
    }

    @Test("a session that carried a report of ours is not counted - RFC 8460 §3")
    func ownReports() async throws {
        var report = try session(.verified)
        // As an MTA logs a domain that somebody typed.
        report.recipient = "reports@Example.ORG"
        var other = try session(.plaintext)
        other.recipient = "user@example.org"
        let counts = await accounting(ownReports: ["reports@example.org"]).counts(of: [report, other])
        #expect(types(counts) == ["example.org sts starttls-not-supported"])
        #expect(await accounting().counts(of: [report, other]).count == 2)
    }

    @Test("datagrams of Postfix say nothing about the sessions of a Sendmail beside it")
    func otherMTA() async throws {
        let session = ObservedSession(
            source: .sendmailLog, time: world.clock.now, domain: domain, host: try DomainName("mx1.example.org"),
            address: IPAddress("192.0.2.1"), result: .verified, queueID: "ABC")
        #expect(types(await accounting(datagrams: true).counts(of: [session])) == ["example.org sts success"])
    }

    @Test("mail that the MTA says goes by MX is counted although the host is no longer in DNS")
    func hijack() async throws {
        hops.note(
            Disposition(
                Judgement(.noPolicy(nil)), of: [.mx(of: domain, port: 25)], recipientDomain: domain, isHeldBack: false))
        let counts = await accounting().counts(of: [try session(.verified, host: "evil.example.net")])
        #expect(types(counts) == ["example.org sts validation-failure"])
    }

    @Test("mail by a smart host counts for the smart host - RFC 8461 §3.4")
    func smartHost() async throws {
        let smart = try DomainName("smart.example.net")
        hops.note(
            Disposition(
                Judgement(.noPolicy(nil)), of: [.host(smart, port: 587)], recipientDomain: domain, isHeldBack: false))
        world.discoverer.recordAnswer = .found(.absent)
        var session = try session(.trusted, host: "smart.example.net")
        session.port = 587
        let counts = await accounting().counts(of: [session])
        #expect(types(counts) == ["smart.example.net no-policy-found success"])
    }

    @Test("a log beside datagrams adds only what they never tell")
    func besideDatagrams() async throws {
        let counts = await accounting(datagrams: true).counts(of: [
            try session(.verified, hasDatagram: true), try session(.verified),
            try session(.failed(.certificateExpired, reason: nil), hasDatagram: true),
            try session(.failed(.validationFailure, reason: mxNotInPolicyReason), host: "evil.example.net"),
            try session(.plaintext),
        ])
        #expect(types(counts) == ["example.org sts validation-failure", "example.org sts starttls-not-supported"])
    }

    @Test("under a testing policy the log counts what datagrams call no policy")
    func testing() async throws {
        world.discoverer.policyAnswer = .success(body(.testing))
        let counts = await accounting(datagrams: true).counts(of: [try session(.untrusted, hasDatagram: true)])
        #expect(types(counts) == ["example.org sts certificate-not-trusted"])
        let reported = [none()]
        #expect(accounting(datagrams: true).counts(reported: reported).isEmpty)
        let alone = accounting(datagrams: true, log: false).counts(reported: reported)
        #expect(types(alone) == ["example.org sts success"])
    }

    @Test("under a testing policy that Postfix is told of, the log counts instead of the datagram")
    func testingAttributes() async throws {
        world.discoverer.policyAnswer = .success(body(.testing))
        let counts = await accounting(datagrams: true).counts(of: [try session(.untrusted, hasDatagram: true)])
        #expect(types(counts) == ["example.org sts certificate-not-trusted"])
        let told = SessionCount(
            day: world.clock.now.day, domain: domain, policy: .reported(ReportedPolicy(.sts, domain: "example.org")),
            isFailure: false)
        #expect(accounting(datagrams: true).counts(reported: [told]).isEmpty)
        #expect(accounting(datagrams: true, log: false).counts(reported: [told]) == [told])
    }

    @Test("a session counts once although its datagram came before the testing policy was known")
    func firstContact() async throws {
        world.discoverer.policyAnswer = .success(body(.testing))
        let accounting = accounting(datagrams: true)
        let early = [none()]
        #expect(accounting.counts(reported: early, times: 2) == early)
        let session = try session(.untrusted, hasDatagram: true)
        #expect(await accounting.counts(of: [session, session]).isEmpty)
        // From now on it is the log that counts.
        #expect(accounting.counts(reported: early).isEmpty)
        #expect(types(await accounting.counts(of: [session])) == ["example.org sts certificate-not-trusted"])
    }

    @Test("a policy that cannot be had makes a failure of what a datagram calls no policy")
    func failedPolicy() async throws {
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsWebPKIInvalid, "expired")))
        _ = await policyCache.resolve(domain)
        let counts = accounting(datagrams: true, log: false).counts(reported: [none()])
        #expect(types(counts) == ["example.org sts sts-webpki-invalid"])
        #expect(counts.first?.isFailure == true)
    }

    @Test("a datagram's own policy is its authority")
    func reportedPolicy() {
        let count = SessionCount(
            day: world.clock.now.day, domain: domain,
            policy: .reported(ReportedPolicy(.sts, domain: "example.org", strings: ["version: STSv1"])),
            isFailure: false)
        #expect(accounting(datagrams: true).counts(reported: [count]) == [count])
    }

    @Test("a delivery spares the probe, a failed one asks for it")
    func evidence() async throws {
        let hop = NextHop.mx(of: domain, port: 25)
        _ = await routes.resolve(hop)
        _ = await accounting().counts(of: [try session(.verified)])
        #expect(await gate.resolve([hop]).verdict == .conforming(.enforce))
        #expect(world.prober.probes == 0)
        _ = await accounting().counts(of: [try session(.failed(.certificateExpired, reason: nil))])
        world.prober.evidence = ["mx1.example.org": .failing([Failure(.certificateExpired, text: "expired")], nil)]
        guard case .violating = await gate.resolve([hop]).verdict else {
            Issue.record("not looked at anew")
            return
        }
        #expect(world.prober.probes > 0)
    }

    /// How a session came to be known that failed under an enforce policy.
    enum Failing: CaseIterable { case inLog, inLogEveryTenSeconds, inOldLog, inDatagram, verified }

    @Test(
        "a session that fails has the record looked at again, so that a relaxed policy frees what waits",
        arguments: Failing.allCases)
    func relaxed(_ told: Failing) async throws {
        let accounting = accounting(datagrams: told == .inDatagram, log: told != .inDatagram)
        _ = await policyCache.resolve(domain)
        let old = try session(.failed(.certificateExpired, reason: nil))
        world.discoverer.recordAnswer = announce("2")
        world.discoverer.policyAnswer = .success(body(.none))
        world.clock.advance(by: .seconds(60))
        switch told {
        case .inLog: _ = await accounting.counts(of: [try session(.failed(.certificateExpired, reason: nil))])
        case .inLogEveryTenSeconds:
            // The first is before the change, and none of the others may put the next look off.
            world.discoverer.recordAnswer = announce("1")
            for _ in 0..<4 {
                _ = await accounting.counts(of: [try session(.failed(.certificateExpired, reason: nil))])
                await settle()
                world.discoverer.recordAnswer = announce("2")
                world.clock.advance(by: .seconds(10))
            }
        case .inOldLog:
            world.clock.advance(by: .seconds(300))
            _ = await accounting.counts(of: [old])
        case .verified: _ = await accounting.counts(of: [try session(.verified)])
        case .inDatagram:
            let failed = SessionCount(
                day: world.clock.now.day, domain: domain,
                policy: .reported(ReportedPolicy(.sts, domain: "example.org", strings: ["version: STSv1"])),
                isFailure: true, details: [FailureDetails(.certificateExpired)])
            _ = accounting.counts(reported: [failed])
        }
        let isLookedAt = told != .inOldLog && told != .verified
        await settle()
        #expect(policyCache.cached(domain)?.cached?.id == (isLookedAt ? "2" : "1"))
    }

    @Test("where there may be TLSA records a delivery does not say by what the host proved itself")
    func evidenceOnSecureRoute() async throws {
        let hop = NextHop.mx(of: domain, port: 25)
        world.router.isSecure = true
        _ = await routes.resolve(hop)
        _ = await accounting().counts(of: [try session(.verified)])
        #expect(gate.evidence(of: try DomainName("mx1.example.org"), via: hop) == nil)
    }

    @Test("an old delivery says nothing about the host as it is now")
    func oldDelivery() async throws {
        let hop = NextHop.mx(of: domain, port: 25)
        _ = await routes.resolve(hop)
        let old = try session(.verified)
        world.clock.advance(by: .seconds(20))
        _ = await routes.resolve(hop)
        world.clock.advance(by: .seconds(400))
        _ = await routes.resolve(hop)
        _ = await accounting().counts(of: [old])
        #expect(gate.evidence(of: try DomainName("mx1.example.org"), via: hop) == nil)
    }

    private func none() -> SessionCount {
        SessionCount(
            day: world.clock.now.day, domain: domain,
            policy: .reported(ReportedPolicy(.noPolicyFound, domain: "example.org")), isFailure: false)
    }
}

/// An outbox with reports to these.
private struct Outbox: OwnReportDestinations {
    let addresses: Set<String>

    func newestReport() async throws -> Int64 { Int64(addresses.count) }
    func mailAddresses(since day: UTCDay) async throws -> Set<String> { addresses }
}
