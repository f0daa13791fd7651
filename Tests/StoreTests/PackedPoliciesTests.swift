// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Testing
@testable import Store

@Suite("Packed policies are found as in a dictionary, and their memory is used again")
struct PackedPoliciesTests {
    /// The same numbers each time.
    @Test("after many changes they are those of a dictionary", arguments: [1, 2, 3])
    func asDictionary(_ seed: UInt64) throws {
        var numbers = SeededGenerator(seed: seed)
        let names = try (0..<300).map { try DomainName(host: $0 < 9 ? "h_\($0).example" : "d\($0).example") }
        let texts = try (0..<4).map { try cached("x.example", mx: ["mx\($0).example", "*.example"]) }
        var expected: [DomainName: PackedPolicy] = [:]
        var policies = PackedPolicies()
        for step in 0..<20_000 {
            guard let domain = names.randomElement(using: &numbers) else { return }
            let hash = PackedPolicies.hash(of: domain)
            if Bool.random(using: &numbers) {
                let text = texts[Int.random(in: 0..<4, using: &numbers)]
                // Some have a text of their own.
                let own = step.isMultiple(of: 3) ? try cached("x.example", mx: ["mx\(step).example"]) : text
                let policy = PackedPolicy(
                    CachedPolicy(domain: domain, id: "\(step)", policy: own.policy, fetchedAt: noon + .seconds(step)))
                policies.set(policy, for: domain, hash)
                expected[domain] = policy
            } else {
                policies.remove(domain, hash)
                expected[domain] = nil
            }
            if step.isMultiple(of: 500) || step > 19_990 {
                for domain in names {
                    #expect(policies.policy(of: domain, PackedPolicies.hash(of: domain)) == expected[domain])
                }
            }
        }
        var visited: [DomainName: PackedPolicy] = [:]
        policies.forEach { visited[$0] = $1 }
        #expect(visited == expected)
        #expect(policies.count == expected.count)
        // 20,000 changes of some 200 octets each went through.
        #expect(policies.octets < 200_000)
    }

    @Test("records whose hashes are equal are told apart, and removed one by one")
    func collisions() {
        var index = HashIndex()
        for offset in 0..<40 { index.insert(offset, 7 << 32) }
        for offset in stride(from: 0, to: 40, by: 2) { index.remove(offset, 7 << 32) }
        for offset in 0..<40 {
            let found = index.offset(of: 7 << 32) { $0 == offset }
            #expect(found == (offset.isMultiple(of: 2) ? nil : offset))
        }
        #expect(index.count == 20)
    }
}
