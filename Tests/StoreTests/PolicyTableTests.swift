// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Testing
@testable import Store

@Suite("The policies in memory")
struct PolicyTableTests {
    @Test("are found as they were set, whether parsed or packed")
    func look() throws {
        let table = PolicyTable(logger: CapturedLog().logger)
        let policy = try cached("example.org", mx: ["*.example.org", "mx.example.net"])
        #expect(table.policy(for: policy.domain) == nil)
        table.set(PackedPolicy(policy), for: policy.domain)
        for _ in 1...3 { #expect(table.policy(for: policy.domain) == policy) }
        let newer = try cached("example.org", id: "2", mode: "none", mx: [])
        table.set(newer)
        #expect(table.policy(for: policy.domain) == newer)
        table.set(PackedPolicy(policy), for: policy.domain)
        #expect(table.policy(for: policy.domain) == policy)
        #expect(table.count == 1)
        table.remove(policy.domain)
        #expect(table.policy(for: policy.domain) == nil)
        #expect(table.count == 0)
    }

    @Test("outlive the bound on parsed ones")
    func generations() throws {
        let table = PolicyTable(logger: CapturedLog().logger)
        let count = PolicyTable.shardCount * PolicyTable.parsedPerGeneration * 3
        let policy = try cached("example.org").policy
        let all = try (0..<count).map {
            CachedPolicy(domain: try name("d\($0).example"), id: "\($0)", policy: policy, fetchedAt: noon)
        }
        for policy in all { table.set(policy) }
        #expect(table.count == count)
        #expect(all.allSatisfy { table.policy(for: $0.domain) == $0 })
        var visited = 0
        table.forEach { _, packed in visited += packed.fetchedAt == noon ? 1 : 0 }
        #expect(visited == count)
    }

    @Test("of domains with the same lines are one; of those with lines of their own none is another's")
    func shared() throws {
        let table = PolicyTable(logger: CapturedLog().logger)
        // Every second one has the lines of its provider; the others are many more than are kept.
        let all = try (0..<3000).map { number in
            try cached(
                "d\(number).example", id: "\(number)",
                mx: [number.isMultiple(of: 2) ? "*.provider.example" : "mx\(number).example"])
        }
        for policy in all { table.set(PackedPolicy(policy), for: policy.domain) }
        for _ in 1...2 { #expect(all.allSatisfy { table.policy(for: $0.domain) == $0 }) }
        // The lines that the provider publishes next.
        let next = try all.map { try cached("\($0.domain)", id: "new", mode: "testing", mx: ["*.provider.example"]) }
        for policy in next { table.set(PackedPolicy(policy), for: policy.domain) }
        #expect(next.allSatisfy { table.policy(for: $0.domain) == $0 })
    }

    @Test("go when they expire, not before")
    func expiry() throws {
        let table = PolicyTable(logger: CapturedLog().logger)
        table.set(try cached("short.example", maxAge: 10))
        table.set(try cached("long.example", maxAge: 11))
        #expect(table.removeExpired(at: noon + .seconds(9)) == 0)
        #expect(table.removeExpired(at: noon + .seconds(10)) == 1)
        #expect(table.policy(for: try name("short.example")) == nil)
        #expect(table.policy(for: try name("long.example")) != nil)
    }

    @Test("that cannot be parsed are named and absent")
    func unreadable() throws {
        let log = CapturedLog()
        let table = PolicyTable(logger: log.logger)
        let packed = PackedPolicy(
            life: PolicyLife(mode: .enforce, fetchedAt: noon, expiresAt: noon + .seconds(1)), id: "1".utf8,
            body: "garbage".utf8)
        table.set(packed, for: try name("example.org"))
        #expect(table.policy(for: try name("example.org")) == nil)
        #expect(log.lines.count == 1)
        #expect(log.lines.first?.contains("example.org") == true)
    }

    @Test("can be read, set and removed from many threads")
    func concurrent() async throws {
        let table = PolicyTable(logger: CapturedLog().logger)
        let names = try (0..<200).map { try name("d\($0).example") }
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    for round in 0..<50 {
                        for domain in names {
                            switch (worker + round) % 4 {
                            case 0: if let policy = try? cached(domain.ascii, id: "\(round)") { table.set(policy) }
                            case 1: table.remove(domain)
                            default: #expect(table.policy(for: domain).map { $0.domain == domain } ?? true)
                            }
                        }
                    }
                }
            }
        }
        for domain in names { table.set(try cached(domain.ascii, id: "last")) }
        #expect(names.allSatisfy { table.policy(for: $0)?.id == "last" })
    }
}
