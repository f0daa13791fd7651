// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// One of the pieces of ``PolicyTable``.
struct PolicyTableShard: Sendable {
    /// Octets of a parsed policy beside its texts, and of each pattern.
    private static let parsedOverhead = 300
    private static let patternOverhead = 64
    private static let maxParsedOctets =
        (PolicyTable.maxParsedOctets - SharedPolicies.maxHeldOctets) / (2 * PolicyTable.shardCount)

    struct Unreadable {
        let expiresAt: UTCTime
        let text: String
    }

    var packed = PackedPolicies()
    /// Live enforce policies of which only this is known.
    var unreadable: [DomainName: Unreadable] = [:]
    /// Parsed since the last turn of generations, or used since.
    var recent: [DomainName: CachedPolicy] = [:]
    var recentOctets = 0
    /// Those of the turn before, dropped at the next one unless they are used.
    var older: [DomainName: CachedPolicy] = [:]
    /// While rows are being loaded: domains without a policy here whose row says nothing more. It was read, there is
    /// none, or what it held was removed since.
    var settled: Set<DomainName> = []

    mutating func keep(_ policy: CachedPolicy) {
        let octets = Self.parsedOverhead + policy.policy.text.utf8.count + policy.policy.mx.count * Self.patternOverhead
        if recent.count >= PolicyTable.parsedPerGeneration || recentOctets + octets > Self.maxParsedOctets {
            older = recent
            recent = [:]
            recentOctets = 0
        }
        recent[policy.domain] = policy
        recentOctets += octets
    }

    mutating func forgetParsed(_ domain: DomainName) {
        recent[domain] = nil
        older[domain] = nil
    }

    mutating func forget(_ domain: DomainName, _ hash: UInt64) {
        forgetParsed(domain)
        packed.remove(domain, hash)
    }

    /// Whether the row of the domain, if there is one, adds nothing to what is here.
    func isLoaded(_ domain: DomainName, _ hash: UInt64) -> Bool {
        packed.contains(domain, hash) || settled.contains(domain) || unreadable[domain] != nil
    }
}
