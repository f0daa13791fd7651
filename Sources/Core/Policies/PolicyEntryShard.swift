// SPDX-License-Identifier: Apache-2.0
import Basics

/// One of the pieces of ``PolicyEntries``: a table that knows what its entries cost.
struct PolicyEntryShard: Sendable {
    /// Domains in use of which the last use is noted, a million in all shards; past that new ones are refreshed by their
    /// own mail only.
    static let maxInUse = 1_000_000 / PolicyEntries.shardCount
    /// Domains whose policy ran out that no flood makes us forget: some four thousand in all shards.
    static let maxRanOut = 64
    /// What is still held after room was made, in percent of the budget: so that it is not made for each new entry.
    private static let percentKept = 75
    /// What an entry costs beside what it holds outside itself: twice its place, since a dictionary is half full on average.
    private static let entryOctets = 2 * (MemoryLayout<DomainName>.stride + MemoryLayout<PolicyEntry>.stride)
    /// A dictionary that was larger once gives its memory back when it has this many places and a quarter of them is taken.
    private static let smallestShrunk = 128

    private(set) var entries: [DomainName: PolicyEntry] = [:]
    /// Entries with a last use.
    private(set) var inUse = 0
    /// What strangers can fill, as it is filled now.
    private(set) var octets = 0
    private var ranOut = 0
    private let budget: Int

    init(budget: Int) { self.budget = budget }

    /// The place in the table is not counted for a domain in use: only one with a policy has a use.
    private static func cost(of domain: DomainName, _ entry: PolicyEntry) -> Int {
        entry.heldOctets + (entry.isInUse ? 0 : entryOctets + domain.heldOctets)
    }

    mutating func value<Value>(of domain: DomainName, _ read: (PolicyEntry) -> Value?) -> Value? {
        guard let index = entries.index(forKey: domain) else { return nil }
        if !entries.values[index].isAskedFor { entries.values[index].isAskedFor = true }
        return read(entries.values[index])
    }

    mutating func lookup(of domain: DomainName, at now: UTCTime) -> PolicyLookup? {
        guard let index = entries.index(forKey: domain) else { return nil }
        if !entries.values[index].isAskedFor { entries.values[index].isAskedFor = true }
        return entries.values[index].lookup(at: now)
    }

    mutating func change<Value>(
        _ domain: DomainName, at now: UTCTime, _ change: (inout PolicyEntry) -> Value
    ) -> Value {
        var entry = entries[domain] ?? PolicyEntry()
        let hadRunOut = entry.ranOutAt != nil
        let value = change(&entry)
        if entry.ranOutAt != nil, !hadRunOut, ranOut >= Self.maxRanOut { forgetOldestRanOut() }
        if !fits(entry, for: domain) { makeRoom(for: domain, at: now) }
        if !fits(entry, for: domain) { entry.strip() }
        put(entry, for: domain)
        return value
    }

    /// Whether the entry can take the place of the one there is.
    private func fits(_ entry: PolicyEntry, for domain: DomainName) -> Bool {
        let old = entries[domain].map { Self.cost(of: domain, $0) } ?? 0
        let new = Self.cost(of: domain, entry)
        return new <= old || octets + new - old <= budget
    }

    /// Puts the entry in the place of the one there is; nil, or an empty one, removes it.
    mutating func put(_ entry: PolicyEntry?, for domain: DomainName) {
        let new = entry.flatMap { $0.isEmpty ? nil : $0 }
        let old = if let new { entries.updateValue(new, forKey: domain) } else { entries.removeValue(forKey: domain) }
        if let old { count(old, of: domain, -1) }
        if let new { count(new, of: domain, 1) }
    }

    private mutating func count(_ entry: PolicyEntry, of domain: DomainName, _ sign: Int) {
        octets += sign * Self.cost(of: domain, entry)
        if entry.isInUse { inUse += sign }
        if entry.ranOutAt != nil { ranOut += sign }
    }

    /// Takes a use that the store holds: a million of them at start.
    mutating func load(_ time: UTCTime, of domain: DomainName) {
        var entry = entries[domain] ?? PolicyEntry()
        entry.lastUse = PackedTime(max(time, entry.lastUse.time))
        put(entry, for: domain)
    }

    /// Visits all entries; their costs must not change.
    mutating func forEach(_ body: (DomainName, inout PolicyEntry) -> Void) {
        var index = entries.startIndex
        while index != entries.endIndex {
            body(entries.keys[index], &entries.values[index])
            entries.formIndex(after: &index)
        }
    }

    /// Lets go of what is no longer good.
    mutating func sweep(at now: UTCTime) {
        let oldestUse = now - PolicyCache.unusedAfter
        let changed = entries.compactMap { domain, entry -> (DomainName, PolicyEntry)? in
            var kept = entry
            return kept.letGo(at: now, usedBefore: oldestUse) ? (domain, kept) : nil
        }
        for (domain, entry) in changed { put(entry, for: domain) }
        shrink()
    }

    private mutating func shrink() {
        guard entries.capacity > Self.smallestShrunk, entries.count < entries.capacity / 4 else { return }
        var smaller: [DomainName: PolicyEntry] = [:]
        smaller.reserveCapacity(entries.count)
        for (domain, entry) in entries { smaller[domain] = entry }
        entries = smaller
    }

    /// Lets go of what nobody asked for since the last time, and of more if that is not enough.
    private mutating func makeRoom(for new: DomainName, at now: UTCTime) {
        sweep(at: now)
        for (domain, entry) in entries.filter({ !$1.isAskedFor && $0 != new }) { strip(domain, entry) }
        forEach { _, entry in entry.isAskedFor = false }
        let target = budget / 100 * Self.percentKept
        guard octets > target else { return }
        // All of it was asked for: chance decides, so that nobody's entries are always the first to go.
        for (domain, entry) in entries.shuffled() where domain != new {
            strip(domain, entry)
            if octets <= target { return }
        }
    }

    private mutating func strip(_ domain: DomainName, _ entry: PolicyEntry) {
        var stripped = entry
        stripped.strip()
        put(stripped, for: domain)
    }

    private mutating func forgetOldestRanOut() {
        let ranOut = entries.compactMap { domain, entry in entry.ranOutAt.map { (domain: domain, at: $0.value) } }
        guard let oldest = ranOut.min(by: { $0.at < $1.at }), var entry = entries[oldest.domain] else { return }
        entry.ranOutAt = nil
        put(entry, for: oldest.domain)
    }
}
