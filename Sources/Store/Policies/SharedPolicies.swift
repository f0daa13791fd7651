// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// Policies parsed lately, by their lines: the domains of one provider mostly have the same lines, which are then parsed
/// once.
struct SharedPolicies: Sendable {
    private static let shards = 16
    /// In each shard; of lines with one place the last are kept.
    private static let places = 32
    /// Longer lines are those of one domain; hostile ones have 64 KiB.
    private static let maxOctets = 512
    /// A pattern takes at least this much of the lines, `mx:a` and a line feed, and as much memory.
    private static let (leastPattern, patternOctets) = (5, 64)
    /// What all of them hold at most.
    static let maxHeldOctets = shards * places * (maxOctets + maxOctets / leastPattern * patternOctets)

    private let kept = LockedShards<[Policy?]>(count: shards) { Array(repeating: nil, count: places) }

    /// The policy of the lines, as they are stored.
    func policy(of lines: ArraySlice<UInt8>) throws(PolicyError) -> Policy {
        guard lines.count <= Self.maxOctets else { return try Policy.read(lines).policy }
        // With a seed of the process: strangers choose lines.
        var hasher = Hasher()
        lines.withUnsafeBytes { hasher.combine(bytes: $0) }
        let hash = UInt(bitPattern: hasher.finalize())
        let shard = Int(hash % UInt(Self.shards))
        let place = Int(hash / UInt(Self.shards) % UInt(Self.places))
        let known = kept.withLock(shard) { $0[place] }
        if let known, known.text.utf8.elementsEqual(lines) { return known }
        let policy = try Policy.read(lines).policy
        kept.withLock(shard) { $0[place] = policy }
        return policy
    }
}
