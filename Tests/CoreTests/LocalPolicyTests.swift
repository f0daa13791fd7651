// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Testing

@Suite("LocalPolicies: the domain's own entry, then the nearest above that includes it, each until its day ends")
struct LocalPolicyTests {
    private func entry(
        _ domain: String, below: Bool = false, _ mode: Policy.Mode = .enforce, mx: [String] = ["mx.example.org"],
        until: String? = nil
    ) throws -> LocalPolicy {
        LocalPolicy(
            domain: try DomainName(domain), includesSubdomains: below, mode: mode, mx: try mx.map { try MXPattern($0) },
            until: until.flatMap { UTCDay($0) })
    }

    private let now = UTCDay("2026-11-23")?.end ?? UTCTime(secondsSinceEpoch: 0)

    @Test(
        "finds the entry that applies",
        arguments: [
            ("example.org", "example.org"), ("a.example.org", "example.org"), ("b.a.example.org", "example.org"),
            ("own.example.org", "own.example.org"), ("x.own.example.org", "example.org"), ("exact.net", "exact.net"),
            ("below.exact.net", nil), ("notexample.org", nil), ("org", nil), ("ended.example.org", "example.org"),
            ("ended.net", nil), ("today.net", "today.net"),
        ] as [(String, String?)])
    func lookup(_ domain: String, _ expected: String?) throws {
        let policies = LocalPolicies([
            try entry("example.org", below: true), try entry("own.example.org"), try entry("exact.net"),
            try entry("ended.example.org", until: "2026-11-22"),
            try entry("ended.net", below: true, until: "2026-11-22"),
            try entry("today.net", until: "2026-11-23"),
        ])
        let found = policies.entry(for: try DomainName(domain), at: now)
        #expect(found?.domain.ascii == expected)
        #expect(policies.policy(for: try DomainName(domain), at: now)?.domain.ascii == (expected == nil ? nil : domain))
    }

    @Test("the first of two entries for one domain counts")
    func duplicates() throws {
        let policies = LocalPolicies([try entry("example.org", .none), try entry("example.org")])
        #expect(policies.policy(for: try DomainName("example.org"), at: now)?.policy.mode == Policy.Mode.none)
        #expect(policies.all.count == 1)
    }

    @Test("a policy is live on its day, the same all day, and reads as if it were published")
    func synthesis() throws {
        let domain = try DomainName("example.org")
        let policies = LocalPolicies([try entry("example.org", mx: ["mx.example.org", "*.example.net"])])
        let cached = try #require(policies.policy(for: domain, at: now))
        #expect(cached.isLive(at: now))
        #expect(cached == policies.policy(for: domain, at: now.day.start))
        #expect(cached.origin == .pinned)
        #expect(
            cached.policy.lines == [
                "version: STSv1", "mode: enforce", "mx: mx.example.org", "mx: *.example.net", "max_age: 86400",
            ])
        #expect(try Policy.read(cached.policy.text.utf8).policy == cached.policy)
    }

    @Test("no published id can pass for an origin")
    func origins() throws {
        let policy = Policy(unpublished: .none, mx: [])
        for origin in CachedPolicy.Origin.allCases {
            let cached = CachedPolicy(policy, of: try DomainName("example.org"), from: origin, at: now)
            #expect(cached.origin == origin)
            if case .record = STSRecord.select(from: ["v=STSv1; id=\(cached.id)"]) {
                Issue.record("an id: \(cached.id)")
            }
        }
    }
}
