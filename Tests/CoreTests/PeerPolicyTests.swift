// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Testing

/// What another machine says it has fetched, beside what this one holds. - RFC 8461 §5.1: Policy Application Control Flow.
@Suite("A policy of another machine never weakens what is held, as a table")
struct PeerPolicyTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let what: String
        var held: Described? = Described()
        var isUnreadable = false
        var offered = Described(fetched: 10_000)
        let fate: PeerPolicyFate

        var testDescription: String { what }
    }

    struct Described: Sendable {
        var mode = Policy.Mode.enforce
        var mx = ["mx1.example.org", "mx2.example.org"]
        var maxAge = 604_800
        var id = "1"
        /// Seconds after the fetch of the usual policy that is held.
        var fetched = 0
    }

    /// When the question is put, in the same seconds.
    static let now = 20_000
    private static let start: Int64 = 1_000_000

    static let rows: [Row] = [
        // Nothing is held
        Row(what: "enforce where nothing is held", held: nil, fate: .taken),
        Row(what: "testing where nothing is held", held: nil, offered: Described(mode: .testing), fate: .taken),
        Row(what: "none where nothing is held", held: nil, offered: Described(mode: .none), fate: .leftAlone),
        Row(what: "one that has ended", held: nil, offered: Described(maxAge: 19_000), fate: .leftAlone),
        Row(what: "one of the next minutes", held: nil, offered: Described(fetched: now + 299), fate: .taken),
        Row(what: "one of the future", held: nil, offered: Described(fetched: now + 301), fate: .refused),
        Row(what: "an id that no record has", held: nil, offered: Described(id: "a-b"), fate: .refused),
        Row(what: "no id", held: nil, offered: Described(id: ""), fate: .refused),
        Row(what: "an id as of a pin", held: nil, offered: Described(id: "(pinned)"), fate: .refused),
        Row(what: "enforce over one that has ended", held: Described(maxAge: 19_000), fate: .taken),
        Row(
            what: "testing over one that has ended", held: Described(maxAge: 19_000),
            offered: Described(mode: .testing, fetched: 10_000), fate: .taken),
        Row(what: "whatever it is over one that cannot be read", held: nil, isUnreadable: true, fate: .fetchedFirst),
        // The same rules
        Row(what: "the same, fetched later", fate: .taken),
        Row(what: "the same, as it is held", offered: Described(), fate: .leftAlone),
        Row(what: "the same, fetched before", held: Described(fetched: 15_000), fate: .leftAlone),
        Row(
            what: "the same hosts in another order",
            offered: Described(
                mx: ["mx2.example.org", "mx1.example.org"], fetched: 10_000), fate: .taken),
        Row(what: "the same under a new id", offered: Described(id: "2", fetched: 10_000), fate: .fetchedFirst),
        Row(what: "a longer life", offered: Described(maxAge: 1_000_000, fetched: 10_000), fate: .taken),
        Row(what: "a shorter one with a later end", offered: Described(maxAge: 594_801, fetched: 10_000), fate: .taken),
        Row(what: "the same end", offered: Described(maxAge: 594_800, fetched: 10_000), fate: .taken),
        Row(
            what: "an end one second before", offered: Described(maxAge: 594_799, fetched: 10_000), fate: .fetchedFirst),
        // Weaker, or other hosts
        Row(what: "testing over enforce", offered: Described(mode: .testing, fetched: 10_000), fate: .fetchedFirst),
        Row(what: "none over enforce", offered: Described(mode: .none, fetched: 10_000), fate: .fetchedFirst),
        Row(
            what: "none over testing", held: Described(mode: .testing),
            offered: Described(mode: .none, fetched: 10_000), fate: .fetchedFirst),
        Row(what: "enforce over testing", held: Described(mode: .testing), fate: .taken),
        Row(
            what: "enforce over testing, of other hosts", held: Described(mode: .testing),
            offered: Described(mx: ["mx3.example.org"], fetched: 10_000), fate: .fetchedFirst),
        Row(what: "enforce over none, of the same hosts", held: Described(mode: .none), fate: .taken),
        Row(
            what: "none over none", held: Described(mode: .none), offered: Described(mode: .none, fetched: 10_000),
            fate: .leftAlone),
        Row(
            what: "a host more",
            offered: Described(
                mx: ["mx1.example.org", "mx2.example.org", "mx.attacker.example"], fetched: 10_000), fate: .fetchedFirst
        ),
        Row(what: "a host less", offered: Described(mx: ["mx1.example.org"], fetched: 10_000), fate: .fetchedFirst),
        Row(
            what: "a pattern that covers both", offered: Described(mx: ["*.example.org"], fetched: 10_000),
            fate: .fetchedFirst),
        Row(
            what: "weaker, where ours was fetched minutes ago", held: Described(fetched: now - 599),
            offered: Described(mode: .none, fetched: now), fate: .leftAlone),
        Row(
            what: "weaker, where ours was fetched longer ago", held: Described(fetched: now - 600),
            offered: Described(mode: .none, fetched: now), fate: .fetchedFirst),
    ]

    static func policy(_ described: Described) throws -> CachedPolicy {
        let lines = ["version: STSv1", "mode: \(described.mode.rawValue)"] + described.mx.map { "mx: \($0)" }
        let text = (lines + ["max_age: \(described.maxAge)"]).map { $0 + "\n" }.joined()
        return CachedPolicy(
            domain: try DomainName("example.org"), id: described.id, policy: try Policy.read(text.utf8).policy,
            fetchedAt: UTCTime(secondsSinceEpoch: start + Int64(described.fetched)))
    }

    @Test("what becomes of it", arguments: rows)
    func fate(_ row: Row) throws {
        let held: HeldPolicy =
            row.isUnreadable ? .unreadable : try row.held.map { .policy(try Self.policy($0)) } ?? .nothing
        let now = UTCTime(secondsSinceEpoch: Self.start + Int64(Self.now))
        #expect(PeerPolicy.fate(of: try Self.policy(row.offered), holding: held, at: now) == row.fate)
    }

    /// Whatever is taken over a live policy: as strict, of the same hosts, and no shorter.
    @Test("of all pairs none is taken that is weaker")
    func allPairs() throws {
        let now = UTCTime(secondsSinceEpoch: Self.start + Int64(Self.now))
        var all: [CachedPolicy] = []
        for mode in Policy.Mode.allCases {
            for mx in [["a.example"], ["a.example", "b.example"], ["*.example"]] {
                for maxAge in [100, 15_000, 604_800, 40_000_000] {
                    for fetched in [0, 5000, 19_990, 20_100, 30_000] {
                        all.append(
                            try Self.policy(Described(mode: mode, mx: mx, maxAge: maxAge, fetched: fetched)))
                    }
                }
            }
        }
        let strength: [Policy.Mode: Int] = [.none: 0, .testing: 1, .enforce: 2]
        var taken = 0
        for held in all where held.isLive(at: now) {
            for offered in all where PeerPolicy.fate(of: offered, holding: .policy(held), at: now) == .taken {
                taken += 1
                #expect(strength[offered.policy.mode] ?? 0 >= strength[held.policy.mode] ?? 0)
                #expect(Set(offered.policy.mx) == Set(held.policy.mx))
                #expect(offered.expiresAt >= held.expiresAt && offered.fetchedAt > held.fetchedAt)
            }
        }
        #expect(taken > 50)
    }
}
