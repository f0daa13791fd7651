// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Testing

@Suite("judge: a route keeps its policy or it does not")
struct JudgementTests {
    enum Seen: Sendable { case good, bad, down, closed, unseen, dane, daneBad, unresolved }
    enum Expected: Sendable { case conforming, violating, unproven, testing }

    struct Row: Sendable, CustomStringConvertible {
        let hosts: [(String, Seen)]
        let milter: Expected
        let map: Expected
        var namesOnly = false
        var description: String {
            hosts.map { "\($0.0) \($0.1)" }.joined(separator: ", ") + (namesOnly ? " (names only)" : "")
        }
    }

    /// The policy covers `mx1.example.org` and `*.mail.example.org`.
    static let rows: [Row] = [
        Row(hosts: [("mx1.example.org", .good)], milter: .conforming, map: .conforming),
        Row(hosts: [("a.mail.example.org", .good)], milter: .conforming, map: .conforming),
        Row(hosts: [("mx1.example.org", .bad)], milter: .violating, map: .violating),
        Row(hosts: [("mx2.example.org", .good)], milter: .violating, map: .violating),
        Row(hosts: [("a.b.mail.example.org", .good)], milter: .violating, map: .violating),
        Row(hosts: [("mx1.example.org", .good), ("mx2.example.org", .good)], milter: .violating, map: .conforming),
        Row(hosts: [("mx1.example.org", .good), ("a.mail.example.org", .bad)], milter: .violating, map: .conforming),
        Row(hosts: [("mx1.example.org", .bad), ("a.mail.example.org", .good)], milter: .violating, map: .conforming),
        Row(hosts: [("mx1.example.org", .bad), ("mx2.example.org", .good)], milter: .violating, map: .violating),
        // A host that cannot be reached cannot be delivered to: no violation, and no proof either.
        Row(hosts: [("mx1.example.org", .good), ("a.mail.example.org", .down)], milter: .conforming, map: .conforming),
        Row(hosts: [("mx1.example.org", .down)], milter: .unproven, map: .unproven),
        // One that is up and turned us away may let the MTA in.
        Row(hosts: [("mx1.example.org", .good), ("a.mail.example.org", .closed)], milter: .unproven, map: .conforming),
        Row(hosts: [("mx1.example.org", .closed)], milter: .unproven, map: .unproven),
        Row(hosts: [("mx2.example.org", .closed)], milter: .violating, map: .violating),
        Row(hosts: [("mx1.example.org", .down), ("a.mail.example.org", .bad)], milter: .violating, map: .violating),
        // A name outside the policy is seen without the host, which may hide from a probe and then answer the MTA.
        Row(hosts: [("mx2.example.org", .down)], milter: .violating, map: .violating),
        Row(hosts: [("mx1.example.org", .good), ("mx2.example.org", .down)], milter: .violating, map: .conforming),
        Row(hosts: [("mx1.example.org", .down), ("mx2.example.org", .down)], milter: .violating, map: .violating),
        // What is unknown is never called conforming; what is decided already does not wait for it.
        Row(hosts: [("mx1.example.org", .unseen)], milter: .unproven, map: .unproven),
        Row(hosts: [("mx1.example.org", .good), ("a.mail.example.org", .unseen)], milter: .unproven, map: .conforming),
        Row(hosts: [("mx1.example.org", .bad), ("a.mail.example.org", .unseen)], milter: .violating, map: .unproven),
        Row(hosts: [("mx2.example.org", .unseen)], milter: .violating, map: .violating),
        // DANE decides for a host that has it. - RFC 8461 §2
        Row(hosts: [("mx2.example.org", .dane)], milter: .conforming, map: .conforming),
        Row(hosts: [("mx1.example.org", .daneBad)], milter: .violating, map: .violating),
        // A map has no level that lets one host go by its certificate and not another.
        Row(
            hosts: [("mx1.example.org", .daneBad), ("a.mail.example.org", .good)], milter: .violating, map: .violating),
        Row(
            hosts: [("mx1.example.org", .daneBad), ("a.mail.example.org", .dane)], milter: .violating, map: .conforming),
        Row(
            hosts: [("mx1.example.org", .daneBad), ("a.mail.example.org", .unseen)], milter: .violating, map: .unproven),
        // A host that may have TLSA records is not used without them. - RFC 7672 §2.1.2
        Row(hosts: [("mx1.example.org", .unresolved)], milter: .unproven, map: .unproven),
        Row(hosts: [("mx2.example.org", .unresolved)], milter: .violating, map: .violating),
        Row(
            hosts: [("mx1.example.org", .unresolved), ("a.mail.example.org", .good)], milter: .unproven,
            map: .unproven),
        Row(
            hosts: [("mx1.example.org", .unresolved), ("a.mail.example.org", .dane)], milter: .unproven,
            map: .conforming),
        Row(hosts: [("mx1.example.org", .unseen)], milter: .conforming, map: .conforming, namesOnly: true),
        Row(hosts: [("mx2.example.org", .unseen)], milter: .violating, map: .violating, namesOnly: true),
        Row(
            hosts: [("mx1.example.org", .unseen), ("mx2.example.org", .unseen)], milter: .violating, map: .conforming,
            namesOnly: true),
    ]

    @Test("under an enforce policy", arguments: rows)
    func enforce(_ row: Row) throws {
        #expect(try kind(verdict(row, mode: .enforce, .milter)) == row.milter)
        #expect(try kind(verdict(row, mode: .enforce, .milterAndPolicyMap)) == row.map)
    }

    @Test("a testing policy never holds mail back", arguments: rows)
    func testing(_ row: Row) throws {
        let verdict = try verdict(row, mode: .testing, .milter)
        #expect(try kind(verdict) == (row.milter == .conforming ? .conforming : .testing))
        if case .testing(let findings) = verdict { #expect(findings.isEmpty == (row.milter == .unproven)) }
    }

    @Test("an MX record that names an address, or hosts past those looked at, are judged all the same")
    func beyondTheCandidates() throws {
        let finding = try finding(mode: .enforce)
        func verdicts(_ unprobed: [String], _ invalidTargets: [String], _ hosts: [(String, Seen)]) throws -> [Expected]
        {
            let names = try unprobed.map { try DomainName($0) }
            let known = try route(hosts)
            let route = Route(
                policyDomain: known.policyDomain, candidates: known.candidates,
                unprobed: names, invalidTargets: invalidTargets, isSecure: false)
            var evidence = Evidence()
            for (candidate, (_, seen)) in zip(route.candidates, hosts) { evidence.hosts[candidate] = try host(seen) }
            return try Enforcement.allCases.map {
                try kind(judge(route, under: finding, seeing: evidence, enforcement: $0))
            }
        }
        let good = [("mx1.example.org", Seen.good)]
        #expect(try verdicts([], ["192.0.2.1"], good) == [.violating, .conforming])
        #expect(try verdicts([], ["192.0.2.1"], []) == [.violating, .violating])
        #expect(try verdicts(["mx2.example.org"], [], good) == [.violating, .conforming])
        #expect(try verdicts(["a.mail.example.org"], [], good) == [.unproven, .conforming])
    }

    @Test("modes and findings without a policy to keep")
    func withoutPolicy() throws {
        let route = try route([("mx1.example.org", .bad)])
        let failure = PolicyFailure(.stsPolicyFetchError, "HTTP status 404")
        let none = try finding(mode: .none)
        let domain = route.policyDomain
        #expect(judge(route, under: .absent, seeing: Evidence(), enforcement: .milter) == .noPolicy(nil))
        #expect(judge(route, under: .failed(failure), seeing: Evidence(), enforcement: .milter) == .noPolicy(failure))
        #expect(judge(route, under: .unknown("x"), seeing: Evidence(), enforcement: .milter) == .unknown("x"))
        #expect(judge(route, under: none, seeing: Evidence(), enforcement: .milter) == .modeNone)
        #expect(judge(.bogus("x"), of: domain, under: none) == .modeNone)
        #expect(judge(.bogus("x"), of: domain, under: .absent) == .noPolicy(nil))
    }

    @Test("without a route")
    func withoutRoute() throws {
        let domain = try DomainName("example.org")
        let enforce = try finding(mode: .enforce)
        guard case .violating(let violation) = judge(.bogus("x"), of: domain, under: enforce) else {
            Issue.record("a forged MX answer does not violate")
            return
        }
        #expect(violation.headline?.failure.type == .dnssecInvalid)
        let testing = try finding(mode: .testing)
        for isSecure in [false, true] {
            let errors: [(RouteError, Verdict)] = [
                (.nullMX(isSecure: isSecure), .notJudged("null MX")),
                (.noSuchDomain(isSecure: isSecure), .notJudged("no such domain")),
            ]
            for (error, gone) in errors {
                // Forged as easily as a host: only DNSSEC lets it end an enforce policy.
                let verdict = judge(error, of: domain, under: enforce)
                guard !isSecure else {
                    #expect(verdict == gone)
                    continue
                }
                guard case .unproven(let doubt) = verdict else { throw UnexpectedVerdict(verdict: verdict) }
                #expect(!doubt.isOurs)
                for finding in [testing, .absent, .unknown("x"), try self.finding(mode: .none)] {
                    #expect(judge(error, of: domain, under: finding) == gone)
                }
                #expect(isUnproven(judge(error, of: domain, under: .unreadable("checksum"))))
            }
        }
        #expect(judge(.unavailable("SERVFAIL"), of: domain, under: enforce) == .unproven(Doubt("SERVFAIL")))
        #expect(judge(.unavailable("SERVFAIL"), of: domain, under: testing) == .testing([]))
        #expect(
            judge(.notAsked("busy"), of: domain, under: enforce) == .unproven(Doubt("busy", isOurs: true)))
        #expect(judge(.notAsked("busy"), of: domain, under: .unknown("x")) == .unknown("x"))
    }

    @Test("a failure of our own is told apart from what hosts do, and is no proof")
    func localFailure() throws {
        func doubt(_ hosts: [(String, Seen)], kept: [String]) throws -> Doubt? {
            let route = try route(hosts + kept.map { ($0, .unseen) })
            var evidence = Evidence()
            for (candidate, (_, seen)) in zip(route.candidates, hosts) { evidence.hosts[candidate] = try host(seen) }
            for candidate in route.candidates.suffix(kept.count) {
                evidence.note(.notTried("no descriptors"), of: candidate)
            }
            let verdict = judge(route, under: try finding(mode: .enforce), seeing: evidence, enforcement: .milter)
            if case .unproven(let doubt) = verdict { return doubt }
            #expect(try kind(verdict) == .violating)
            return nil
        }
        #expect(try doubt([], kept: ["mx1.example.org"])?.isOurs == true)
        #expect(try doubt([("mx1.example.org", .good)], kept: ["a.mail.example.org"])?.isOurs == true)
        #expect(try doubt([("mx1.example.org", .unseen)], kept: ["a.mail.example.org"])?.isOurs == false)
        #expect(try doubt([("mx1.example.org", .down)], kept: [])?.isOurs == false)
        // A name outside the policy, or a failure seen, needs no look.
        #expect(try doubt([], kept: ["mx2.example.org"]) == nil)
        #expect(try doubt([("mx1.example.org", .bad)], kept: ["a.mail.example.org"]) == nil)
    }

    private func isUnproven(_ verdict: Verdict) -> Bool { if case .unproven = verdict { true } else { false } }

    @Test("several next hops: one bad is enough for the milter, one good for the map")
    func severalHops() throws {
        let bad = Verdict.violating(Violation(policyDomain: try DomainName("a.example"), findings: []))
        #expect(combined([.conforming(.enforce), bad], enforcement: .milter) == bad)
        #expect(combined([bad, .conforming(.enforce)], enforcement: .milterAndPolicyMap) == .conforming(.enforce))
        #expect(combined([.unknown("x"), .noPolicy(nil)], enforcement: .milter) == .unknown("x"))
        let unproven = Verdict.unproven(Doubt("x"))
        #expect(combined([.unknown("x"), unproven, .conforming(.enforce)], enforcement: .milter) == unproven)
        #expect(combined([unproven, .provenLately("x")], enforcement: .milter) == unproven)
        #expect(combined([unproven, bad], enforcement: .milter) == bad)
        #expect(combined([bad, unproven], enforcement: .milterAndPolicyMap) == unproven)
        #expect(combined([bad, bad], enforcement: .milterAndPolicyMap) == bad)
    }

    private func combined(_ verdicts: [Verdict], enforcement: Enforcement) -> Verdict {
        combine(verdicts.map { Judgement($0) }, enforcement: enforcement).verdict
    }

    private func verdict(_ row: Row, mode: Policy.Mode, _ enforcement: Enforcement) throws -> Verdict {
        var evidence = Evidence()
        let route = try route(row.hosts)
        for (candidate, (_, seen)) in zip(route.candidates, row.hosts) { evidence.hosts[candidate] = try host(seen) }
        return judge(
            route, under: try finding(mode: mode), seeing: evidence, enforcement: enforcement,
            hostCheck: row.namesOnly ? .namesOnly : .probes)
    }

    private func route(_ hosts: [(String, Seen)]) throws -> Route {
        let domain = try DomainName("example.org")
        let candidates = try hosts.enumerated().map {
            MXHost(name: try DomainName($1.0), preference: UInt16($0), port: 25)
        }
        return Route(policyDomain: domain, candidates: candidates, isSecure: true)
    }

    private func finding(mode: Policy.Mode) throws -> PolicyLookup {
        let body =
            "version: STSv1\nmode: \(mode.rawValue)\nmx: mx1.example.org\nmx: *.mail.example.org\nmax_age: 86400\n"
        let policy = try Policy.read(body.utf8).policy
        let fetched = UTCTime(secondsSinceEpoch: 1_000_000)
        return .policy(CachedPolicy(domain: try DomainName("example.org"), id: "1", policy: policy, fetchedAt: fetched))
    }

    private func host(_ seen: Seen) throws -> HostEvidence? {
        let address = try #require(IPAddress("192.0.2.1"))
        func facts(_ authentication: TLSFacts.Authentication) -> TLSFacts {
            TLSFacts(
                address: address, version: "TLSv1.3", cipher: "x", subject: "", issuer: "", notBefore: nil,
                notAfter: nil, names: [],
                authentication: authentication)
        }
        switch seen {
        case .good: return .conforming(facts(.pkix))
        case .dane: return .conforming(facts(.dane))
        case .bad: return .failing([Failure(.certificateExpired, text: "certificate expired")], nil)
        case .daneBad: return .failing([Failure(.tlsaInvalid, text: "no TLSA record matches")], nil)
        case .down: return .unreachable("connection refused")
        case .closed: return .turnedAway("greeting: 421 closing")
        case .unresolved: return .unresolved("TLSA lookup: DNS server failure")
        case .unseen: return nil
        }
    }

    private func kind(_ verdict: Verdict) throws -> Expected {
        switch verdict {
        case .conforming: .conforming
        case .violating: .violating
        case .unproven: .unproven
        case .testing: .testing
        case .notJudged, .noPolicy, .modeNone, .unknown, .provenLately: throw UnexpectedVerdict(verdict: verdict)
        }
    }

    struct UnexpectedVerdict: Error { let verdict: Verdict }
}
