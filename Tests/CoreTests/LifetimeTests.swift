// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Testing

/// What a domain did after its policy was learned, and what then holds. - RFC 8461 §3.1, §3.3, §5.1, §10.2.
@Suite("The life of a policy, as a table")
struct LifetimeTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let what: String
        /// Learned at the start; nil for a domain never seen.
        var learned: Policy.Mode? = .enforce
        var maxAge = 604_800
        var secondsLater = 3600
        let record: RecordLookup
        var fetch: Result<String, FetchError> = down
        let holds: String
        /// Requests to the policy host by then.
        let fetches: Int
        /// Whether memory answers so from then on: not where the trouble was our own.
        var isKept = true

        var testDescription: String { what }
    }

    static let down = Result<String, FetchError>.failure(
        .failed(PolicyFailure(.stsPolicyFetchError, "connection refused")))
    static let invalid = Result<String, FetchError>.success("version: STSv1\nmode: enforce\nmax_age: 86400\n")
    static let gone = RecordLookup.found(.absent)
    static let twice = RecordLookup.found(.invalid("2 records"))
    static let dead = RecordLookup.unavailable("SERVFAIL")

    static let rows: [Row] = [
        Row(what: "the same id", record: announce("1"), holds: "enforce", fetches: 0),
        Row(
            what: "testing, and a new id brings enforce", learned: .testing, record: announce("2"),
            fetch: .success(body(.enforce)), holds: "enforce", fetches: 1),
        Row(
            what: "a new id brings none", record: announce("2"), fetch: .success(body(.none)), holds: "none", fetches: 1
        ),
        Row(
            what: "a new id brings testing", record: announce("2"), fetch: .success(body(.testing)), holds: "testing",
            fetches: 1),
        Row(what: "a new id, and the policy host is down", record: announce("2"), holds: "enforce", fetches: 1),
        Row(
            what: "a new id, and the policy is invalid", record: announce("2"), fetch: invalid, holds: "enforce",
            fetches: 1),
        Row(
            what: "a forged id and a blocked host, to the last second", secondsLater: 604_799, record: announce("2"),
            holds: "enforce", fetches: 1),
        Row(what: "the record is gone", record: gone, holds: "enforce", fetches: 0),
        Row(
            what: "the record is gone, to the last second", secondsLater: 604_799, record: gone, holds: "enforce",
            fetches: 0),
        Row(what: "a second record", record: twice, holds: "enforce", fetches: 0),
        Row(what: "the DNS is dead", record: dead, holds: "enforce", fetches: 0),
        Row(
            what: "the same id half a day later, and the body says none", secondsLater: 47_000, record: announce("1"),
            fetch: .success(body(.none)), holds: "none", fetches: 1),
        Row(
            what: "the same id half a day later, and the host is down", secondsLater: 47_000, record: announce("1"),
            holds: "enforce", fetches: 1),
        Row(
            what: "the record is gone, and max_age has passed", secondsLater: 604_800, record: gone, holds: "absent",
            fetches: 0),
        Row(
            what: "max_age has passed, and the host is down", secondsLater: 604_800, record: announce("1"),
            holds: "failed", fetches: 1),
        Row(
            what: "max_age has passed, and the host answers", secondsLater: 604_800, record: announce("1"),
            fetch: .success(body(.enforce)), holds: "enforce", fetches: 1),
        Row(
            what: "max_age has passed, and the DNS is dead", secondsLater: 604_800, record: dead, holds: "unknown",
            fetches: 0),
        Row(
            what: "max_age 0, a minute later, and the host is down", maxAge: 0, secondsLater: 61, record: announce("1"),
            holds: "failed", fetches: 1),
        Row(what: "never seen, no record", learned: nil, record: gone, holds: "absent", fetches: 0),
        Row(what: "never seen, two records", learned: nil, record: twice, holds: "absent", fetches: 0),
        Row(what: "never seen, the DNS is dead", learned: nil, record: dead, holds: "unknown", fetches: 0),
        Row(what: "never seen, the host is down", learned: nil, record: announce("1"), holds: "failed", fetches: 1),
        Row(
            what: "never seen, the policy is invalid", learned: nil, record: announce("1"), fetch: invalid,
            holds: "failed", fetches: 1),
        Row(
            what: "never seen, and our own resolver is put away", learned: nil, record: announce("1"),
            fetch: .failure(.notTried("DNS resolver is shut down")), holds: "unknown", fetches: 1,
            isKept: false),
        Row(
            what: "never seen, and we cannot ask the DNS", learned: nil,
            record: .notAsked("too many DNS queries under way"), holds: "unknown", fetches: 0, isKept: false),
        Row(
            what: "half its life later, and we cannot ask the DNS", secondsLater: 302_400,
            record: .notAsked("too many DNS queries under way"), holds: "enforce", fetches: 0),
    ]

    @Test("what holds after", arguments: rows)
    func holds(_ row: Row) async throws {
        let world = World()
        let domain = try DomainName("example.org")
        let policyCache = world.policyCache()
        if let mode = row.learned {
            world.discoverer.recordAnswer = announce("1")
            world.discoverer.policyAnswer = .success(body(mode, maxAge: row.maxAge))
            #expect(Self.word(await policyCache.resolve(domain)) == mode.rawValue)
        }
        world.clock.advance(by: .seconds(row.secondsLater))
        world.discoverer.fetches = 0
        world.discoverer.recordAnswer = row.record
        world.discoverer.policyAnswer = row.fetch
        #expect(Self.word(await policyCache.recheck(domain)) == row.holds)
        #expect(world.discoverer.fetches == row.fetches)
        // What memory answers from now on is the same.
        #expect(policyCache.cached(domain).map(Self.word) == (row.isKept ? row.holds : nil))
    }

    private static func word(_ finding: PolicyLookup) -> String {
        switch finding {
        case .policy(let cached): cached.policy.mode.rawValue
        case .absent: "absent"
        case .failed: "failed"
        case .unknown: "unknown"
        case .unreadable: "unreadable"
        }
    }
}
