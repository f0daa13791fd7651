// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import TLSRPT
import TestKit
import Testing
@testable import Core

@Suite("For which domain a session counts, by what the policy map was asked")
struct SessionWayTests {
    let world = World()
    let policyCache: PolicyCache
    let routes: RouteCache
    let mapKeys: ObservedMapKeys
    let gate: Gate
    let domain: DomainName

    init() throws {
        domain = try DomainName("example.org")
        policyCache = world.policyCache()
        routes = RouteCache(router: world.router, clock: world.clock)
        mapKeys = ObservedMapKeys(clock: world.clock)
        gate = Gate(
            resolver: world.resolver(policyCache, routes: routes), recorder: world.recorder, settings: GateSettings())
    }

    private func accounting(waitLimit: Duration = .seconds(10), datagrams: Bool = false) -> SessionAccounting {
        SessionAccounting(
            policies: policyCache, routes: routes, hops: ObservedNextHops(clock: world.clock), mapKeys: mapKeys,
            gate: gate,
            ownReports: OwnReports(outbox: NoReports(), clock: world.clock), countsDatagrams: datagrams,
            readsLog: !datagrams,
            lookupTimeout: waitLimit, clock: world.clock)
    }

    private func session(
        _ result: ObservedSession.Result = .verified, host: String = "relay.example.net"
    ) throws -> ObservedSession {
        ObservedSession(
            source: .postfixLog, time: world.clock.now, domain: domain, host: try DomainName(host),
            address: IPAddress("192.0.2.1"), result: result, queueID: "ABC")
    }

    private func text(_ counts: [SessionCount]) -> [String] {
        counts.map { count in
            let policy = count.policy.reported
            let failure = count.failure.map { "\($0.type.text)\($0.reasonCode.map { ":" + $0 } ?? "")" } ?? "success"
            return "\(count.domain) \(policy.type.text)/\(policy.domain ?? "-") \(failure)"
        }
    }

    @Test("a relayhost that the map was asked for by name has its own session")
    func relayByName() async throws {
        mapKeys.note(.host(try DomainName("relay.example.net"), port: 587), .notFound)
        #expect(
            text(await accounting().counts(of: [try session()]))
                == ["relay.example.net no-policy-found/relay.example.net success"])
    }

    @Test("a transport to another domain's MX hosts counts for that domain")
    func relayByRecords() async throws {
        let other = try DomainName("other.example")
        // Of another's domain the hosts are wanted where mail went to one of them.
        world.router.others = [other: ["mx.other.example"]]
        mapKeys.note(.mx(of: other, port: 25), .notFound)
        #expect(
            text(await accounting().counts(of: [try session(host: "mx.other.example")]))
                == ["other.example no-policy-found/other.example success"])
    }

    @Test("two next hops that lead to a host do not say which of them took the mail")
    func twoRelays() async throws {
        for name in ["one.example", "two.example"] {
            let other = try DomainName(name)
            world.router.others[other] = ["mx.shared.example"]
            mapKeys.note(.mx(of: other, port: 25), .notFound)
        }
        let accounted = await accounting().account(for: [try session(host: "mx.shared.example")])
        #expect(accounted.counts.isEmpty && accounted.leftOut == [.otherHost: 1])
    }

    @Test("mail to a server's own name makes it no relay of others' mail")
    func namedAsDomain() async throws {
        let (other, host) = (try DomainName("other.example"), try DomainName("mx.other.example"))
        world.router.others = [other: [host.ascii], host: ["mx.elsewhere.example"]]
        mapKeys.note(.mx(of: other, port: 25), .notFound)
        mapKeys.note(.mx(of: host, port: 25), .notFound)
        #expect(
            text(await accounting().counts(of: [try session(host: host.ascii)]))
                == ["other.example no-policy-found/other.example success"])
    }

    @Test("a next hop that was not asked for of late took no mail now")
    func askedLongAgo() async throws {
        mapKeys.note(.host(try DomainName("relay.example.net"), port: 587), .notFound)
        world.clock.advance(by: .seconds(301))
        let accounted = await accounting().account(for: [try session()])
        #expect(accounted.counts.isEmpty && accounted.leftOut == [.otherHost: 1])
    }

    @Test("where the policy's lookup is late, the MX hosts in memory still say whose session it is")
    func late() async throws {
        _ = await routes.resolve(.mx(of: domain, port: 25))
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
        let post = Latch()
        world.discoverer.gate = post
        let accounted = await accounting(waitLimit: .milliseconds(50)).account(for: [
            try session(host: "mx1.example.org"), try session(host: "mx9.example.org"),
        ])
        await post.open()
        #expect(accounted.leftOut[.wayUnknown] == nil && accounted.leftOut[.otherHost] == 1, "\(accounted.leftOut)")
    }

    @Test("a domain that the map is asked for goes by its own records, whatever hosts they name - RFC 8461 §4.1")
    func hijack() async throws {
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
        mapKeys.note(.mx(of: domain, port: 25), .notFound)
        let expected = ["example.org sts/example.org validation-failure:mx-not-in-sts-policy"]
        #expect(text(await accounting().counts(of: [try session(host: "mx.evil.example")])) == expected)
        // That others have the host, too, is no excuse.
        let other = try DomainName("other.example")
        world.router.others = [other: ["mx.evil.example"]]
        mapKeys.note(.mx(of: other, port: 25), .notFound)
        #expect(text(await accounting().counts(of: [try session(host: "mx.evil.example")])) == expected)
    }

    @Test("a relayhost that was set since is where the mail goes now")
    func relayhostSince() async throws {
        mapKeys.note(.mx(of: domain, port: 25), .notFound)
        world.clock.advance(by: .seconds(60))
        mapKeys.note(.host(try DomainName("relay.example.net"), port: 25), .notFound)
        #expect(
            text(await accounting().counts(of: [try session()]))
                == ["relay.example.net no-policy-found/relay.example.net success"])
    }

    @Test("where the MX hosts cannot be looked up, a host counts that the policy names")
    func unknownRoute() async throws {
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.enforce))
        world.router.answer = .failure(.unavailable("SERVFAIL"))
        let accounted = await accounting().account(for: [
            try session(host: "mx1.example.org"), try session(), try session(.plaintext, host: "relay.example.net"),
        ])
        #expect(text(accounted.counts) == ["example.org sts/example.org success"])
        #expect(accounted.leftOut == [.wayUnknown: 2])
    }

    // MARK: Names that the log has cut

    private static let long = "longcompany-com.mail.protection.outlook.com"

    private func cutSession(_ result: ObservedSession.Result, _ cut: String) throws -> ObservedSession {
        var session = ObservedSession(
            source: .sendmailLog, time: world.clock.now, domain: domain, host: nil,
            address: IPAddress("192.0.2.1"), result: result, queueID: "ABC")
        session.cutHost = CutHostName(cut)
        return session
    }

    @Test(
        "a session whose host's name is cut has the one MX host with its beginning and end",
        arguments: [
            ([long], "success \(long)"), (["mx1.example.org", long], "success \(long)"),
            // Two that may be it: it is the domain's, and nobody knows which.
            ([long, long.replacing("mail", with: "main")], "success -"),
            (["mx1.example.org"], "otherHost"), (["longcompany-com.mction.outlook.com"], "otherHost"),
        ])
    func cutName(_ hosts: [String], _ expected: String) async throws {
        world.router.others[domain] = hosts
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(.testing, mx: "*.mail.protection.outlook.com"))
        let failed = ObservedSession.Result.failed(.starttlsNotSupported, reason: nil)
        let cut = "longcompany-com.ma...ction.outlook.com"
        let accounted = await accounting().account(for: [try cutSession(.trusted, cut), try cutSession(failed, cut)])
        if let reason = accounted.leftOut.first?.key {
            #expect("\(reason)" == expected && accounted.leftOut.count == 1)
        } else {
            #expect(accounted.counts.map(\.policy.reported.type.text) == ["sts", "sts"])
            let failure = accounted.counts.last?.failure
            #expect("success \(failure?.receivingMXHostname ?? "-")" == expected)
            #expect(failure?.receivingIP == "192.0.2.1" && accounted.counts.first?.isFailure == false)
        }
    }

    @Test("where the MX hosts cannot be looked up, it is still no relay that is dialled by its address")
    func cutNameInDoubt() async throws {
        world.router.answer = .failure(.unavailable("SERVFAIL"))
        let session = try cutSession(.trusted, "longcompany-com.ma...ction.outlook.com")
        #expect(!session.isDialledByAddress)
        #expect(text(await accounting().counts(of: [session])) == ["example.org no-policy-found/example.org success"])
    }

    // MARK: DANE

    @Test(
        "a session that DANE decided about counts under the host's TLSA records - RFC 8460 §1.1, §4.4",
        arguments: [MapAnswer.dane(besides: .notFound), .daneWherePresent(besides: .notFound)])
    func dane(_ answer: MapAnswer) async throws {
        let base = try DomainName("tlsa.example.net")
        let record = TLSARecord(usage: 3, selector: 1, matchingType: 1, association: Array(repeating: 0xAB, count: 32))
        world.router.isSecure = true
        world.surveyor.statuses = ["mx1.example.org": .usable]
        world.surveyor.policies = ["mx1.example.org": TLSAPolicy(base: base, records: [record])]
        mapKeys.note(.mx(of: domain, port: 25), answer)
        let counts = await accounting().counts(of: [
            try session(host: "mx1.example.org"),
            try session(.failed(.validationFailure, reason: "x"), host: "mx1.example.org"),
        ])
        #expect(
            text(counts) == [
                "example.org tlsa/tlsa.example.net success", "example.org tlsa/tlsa.example.net validation-failure:x",
            ])
        #expect(counts.first?.policy.reported.strings == ["3 1 1 " + String(repeating: "ab", count: 32)])
    }

    @Test("a host without usable records, or a map that answered otherwise, is no DANE")
    func noDANE() async throws {
        world.router.isSecure = true
        mapKeys.note(.mx(of: domain, port: 25), .dane(besides: .notFound))
        let session = try session(host: "mx1.example.org")
        #expect(text(await accounting().counts(of: [session])) == ["example.org no-policy-found/example.org success"])
        world.surveyor.statuses = ["mx1.example.org": .usable]
        mapKeys.note(.mx(of: domain, port: 25), .notFound)
        world.clock.advance(by: .seconds(600))
        #expect(text(await accounting().counts(of: [session])) == ["example.org no-policy-found/example.org success"])
    }

    // MARK: What the map did not let go

    private func depthOnly() throws -> MapAnswer {
        let policy = try Policy.read(body(.enforce, mx: "*.example.org").utf8).policy
        return .enforce(
            CachedPolicy(domain: domain, id: "1", policy: policy, fetchedAt: world.clock.now),
            .known([try DomainName("a.b.example.org")]))
    }

    @Test("a delivery that the map did not let go is one failed session, by the map's reason")
    func refused() async throws {
        mapKeys.note(.mx(of: domain, port: 25), try depthOnly())
        let refused = try session(.refusedByMap, host: "a.b.example.org")
        #expect(
            text(await accounting(datagrams: true).counts(of: [refused]))
                == ["example.org sts/example.org validation-failure:mx-not-in-sts-policy"])
        mapKeys.note(.mx(of: domain, port: 25), .bogus("TLSA records"))
        #expect(
            text(await accounting().counts(of: [refused])) == ["example.org tlsa/a.b.example.org dnssec-invalid"])
    }

    @Test("a failure of the MTA's own table, or of our lookups, says nothing of the domain")
    func refusedOtherwise() async throws {
        let refused = try session(.refusedByMap, host: "a.b.example.org")
        let unknown: [AccountedSessions.LeftOut: Int] = [.refusalUnknown: 1]
        #expect(await accounting().account(for: [refused]).leftOut == unknown)
        mapKeys.note(.mx(of: domain, port: 25), .temporary("lookup of hosts still running"))
        #expect(await accounting().account(for: [refused]).leftOut == unknown)
        // Repaired meanwhile: what was refused before still counts, what comes after does not.
        mapKeys.note(.mx(of: domain, port: 25), try depthOnly())
        world.clock.advance(by: .seconds(60))
        mapKeys.note(.mx(of: domain, port: 25), .notFound)
        #expect(await accounting().account(for: [refused]).counts.count == 1)
        world.clock.advance(by: .seconds(60))
        let later = try session(.refusedByMap, host: "a.b.example.org")
        #expect(await accounting().account(for: [later]).leftOut == unknown)
    }

    // MARK: Lookups in flight

    @Test("a session waits for the fetch in flight, and a datagram too", arguments: [false, true])
    func fetchInFlight(_ isDatagram: Bool) async throws {
        let post = Latch()
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "timed out")))
        world.discoverer.gate = post
        let lookup = Task { [policyCache, domain] in await policyCache.resolve(domain) }
        #expect(await eventually { world.discoverer.fetches > 0 })
        let reported = SessionCount(
            day: world.clock.now.day, domain: domain,
            policy: .reported(ReportedPolicy(.noPolicyFound, domain: domain.ascii)), isFailure: false)
        let accounting = accounting(datagrams: isDatagram)
        #expect(accounting.mustWait(for: [reported]))
        let session = try session(.plaintext, host: "mx1.example.org")
        let counting = Task {
            guard isDatagram else { return await accounting.counts(of: [session]) }
            await accounting.wait(for: [reported])
            return accounting.counts(reported: [reported])
        }
        await post.open()
        _ = await lookup.value
        #expect(text(await counting.value) == ["example.org sts/example.org sts-policy-fetch-error:timed out"])
        #expect(!accounting.mustWait(for: [reported]))
    }
}

/// An outbox without reports.
private struct NoReports: OwnReportDestinations {
    func newestReport() async throws -> Int64 { 0 }
    func mailAddresses(since day: UTCDay) async throws -> Set<String> { [] }
}
