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
    /// Parsed since the last turn of generations, or used since, by the offsets of their lines: the domains of one provider
    /// mostly have the same.
    private(set) var recent: [Int: Policy] = [:]
    private var recentOctets = 0
    /// Those of the turn before, dropped at the next one unless they are used.
    private(set) var older: [Int: Policy] = [:]
    /// To what state of the block the offsets belong.
    private var repacks = 0
    /// While rows are being loaded: domains without a policy here whose row says nothing more. It was read, there is
    /// none, or what it held was removed since.
    var settled: Set<DomainName> = []

    /// The policy of the domain if its lines are kept parsed, else what there is to parse.
    mutating func look(_ domain: DomainName, _ hash: UInt64) -> (parsed: CachedPolicy?, packed: PackedPolicy?) {
        guard let head = packed.head(of: domain, hash) else { return (nil, nil) }
        guard let policy = parsed(at: head.lines) else { return (nil, packed.policy(of: domain, hash)) }
        return (CachedPolicy(domain: domain, id: head.id, policy: policy, fetchedAt: head.fetchedAt), nil)
    }

    private mutating func parsed(at lines: Int) -> Policy? {
        forgetMoved()
        if let policy = recent[lines] { return policy }
        guard let policy = older.removeValue(forKey: lines) else { return nil }
        keep(policy, at: lines)
        return policy
    }

    /// Keeps the parsed policy of a domain whose lines are those.
    mutating func keep(_ policy: Policy, of domain: DomainName, _ hash: UInt64) {
        forgetMoved()
        if let lines = packed.linesOffset(of: domain, hash) { keep(policy, at: lines) }
    }

    private mutating func keep(_ policy: Policy, at lines: Int) {
        let octets = Self.parsedOverhead + policy.text.utf8.count + policy.mx.count * Self.patternOverhead
        if recent.count >= PolicyTable.parsedPerGeneration || recentOctets + octets > Self.maxParsedOctets {
            older = recent
            recent = [:]
            recentOctets = 0
        }
        if recent.updateValue(policy, forKey: lines) == nil { recentOctets += octets }
    }

    /// Lines that no policy has any more keep their offset until the block is packed anew.
    private mutating func forgetMoved() {
        guard repacks != packed.repacks else { return }
        repacks = packed.repacks
        recent = [:]
        recentOctets = 0
        older = [:]
    }

    /// Whether the row of the domain, if there is one, adds nothing to what is here.
    func isLoaded(_ domain: DomainName, _ hash: UInt64) -> Bool {
        packed.contains(domain, hash) || settled.contains(domain) || unreadable[domain] != nil
    }
}
