// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Glibc

/// Many packed policies in one block of octets, found by the names of their domains.
///
/// A policy costs its name, its id and some forty octets; its text stands there once for all domains that have the same,
/// as those of one hoster do.
struct PackedPolicies: Sendable {
    // A policy: offset of its text (4 octets), fetched at, expires at (8 each), mode, length of id, of name (1 each), both.
    // A text: how many policies have it, its length (4 each), and itself. All in the order of the machine.
    private enum Place {
        static let text = 0, fetchedAt = 4, expiresAt = 12, mode = 20, idLength = 21, nameLength = 22, name = 23
        static let users = 0, length = 4, octets = 8
    }

    /// The block is packed anew when half of it is lost, and it is larger than this.
    private static let smallestRepacked = 1 << 14
    /// The block grows by this part of itself: a million policies must not need twice their memory.
    private static let growth = 8

    private var block: [UInt8] = []
    private var names = HashIndex()
    private var texts = HashIndex()
    /// Octets of what was removed.
    private var lost = 0
    /// How often the block was packed anew: offsets of before say nothing then.
    private(set) var repacks = 0

    var count: Int { names.count }
    /// Octets of the block, those that are lost included.
    var octets: Int { block.count }

    /// The hash by which a name is found, from the start of the process to its end.
    static func hash(of domain: DomainName) -> UInt64 { domain.tableHash }

    // MARK: Looking

    func contains(_ domain: DomainName, _ hash: UInt64) -> Bool { offset(of: domain, hash) != nil }

    func life(of domain: DomainName, _ hash: UInt64) -> PolicyLife? { offset(of: domain, hash).map(life(at:)) }

    func policy(of domain: DomainName, _ hash: UInt64) -> PackedPolicy? { offset(of: domain, hash).map(policy(at:)) }

    /// All of a policy but its lines: those are at an offset, which is theirs until the block is packed anew.
    struct Head {
        let id: String
        let fetchedAt: UTCTime
        let lines: Int
    }

    func head(of domain: DomainName, _ hash: UInt64) -> Head? {
        guard let offset = offset(of: domain, hash) else { return nil }
        let id = block.withUnsafeBytes { block in
            let start = offset + Place.name + Int(block[offset + Place.nameLength])
            let end = start + Int(block[offset + Place.idLength])
            return String(decoding: UnsafeRawBufferPointer(rebasing: block[start..<end]), as: UTF8.self)
        }
        return Head(
            id: id, fetchedAt: UTCTime(secondsSinceEpoch: number(at: offset + Place.fetchedAt, Int64.self)),
            lines: textOffset(at: offset))
    }

    /// Where the lines of the policy are.
    func linesOffset(of domain: DomainName, _ hash: UInt64) -> Int? { offset(of: domain, hash).map(textOffset(at:)) }

    /// Visits all policies.
    func forEach(_ body: (DomainName, PackedPolicy) throws -> Void) rethrows {
        try names.forEach { if let domain = domain(at: $0) { try body(domain, policy(at: $0)) } }
    }

    /// Visits the lives of all policies, without their names.
    func forEachLife(_ body: (PolicyLife) -> Void) { names.forEach { body(life(at: $0)) } }

    /// The domains whose policy has ended by `time`.
    func ended(at time: UTCTime) -> [DomainName] {
        var ended: [DomainName] = []
        names.forEach { if life(at: $0).expiresAt <= time, let domain = domain(at: $0) { ended.append(domain) } }
        return ended
    }

    private func offset(of domain: DomainName, _ hash: UInt64) -> Int? {
        let name = domain.ascii.utf8.span
        return name.withUnsafeBytes { name in
            names.offset(of: hash) { offset in
                isEqual(name, at: offset + Place.name, Int(block[offset + Place.nameLength]))
            }
        }
    }

    private func name(at offset: Int) -> ArraySlice<UInt8> {
        let start = offset + Place.name
        return block[start..<start + Int(block[offset + Place.nameLength])]
    }

    private func domain(at offset: Int) -> DomainName? {
        // As any name that was set: those of hosts may have underscores.
        try? DomainName(host: String(decoding: name(at: offset), as: UTF8.self))
    }

    private func id(at offset: Int) -> ArraySlice<UInt8> {
        let start = offset + Place.name + Int(block[offset + Place.nameLength])
        return block[start..<start + Int(block[offset + Place.idLength])]
    }

    private func text(at offset: Int) -> ArraySlice<UInt8> {
        let start = offset + Place.octets
        return block[start..<start + textLength(at: offset)]
    }

    private func textLength(at offset: Int) -> Int { Int(number(at: offset + Place.length, UInt32.self)) }

    private func life(at offset: Int) -> PolicyLife {
        PolicyLife(
            mode: PackedPolicy.mode(block[offset + Place.mode]),
            fetchedAt: UTCTime(secondsSinceEpoch: number(at: offset + Place.fetchedAt, Int64.self)),
            expiresAt: UTCTime(secondsSinceEpoch: number(at: offset + Place.expiresAt, Int64.self)))
    }

    private func policy(at offset: Int) -> PackedPolicy {
        PackedPolicy(life: life(at: offset), id: id(at: offset), body: text(at: textOffset(at: offset)))
    }

    private func textOffset(at offset: Int) -> Int { Int(number(at: offset + Place.text, UInt32.self)) }

    // MARK: Changing

    mutating func set(_ policy: PackedPolicy, for domain: DomainName, _ hash: UInt64) {
        // It comes before the old text goes, which may be the same.
        let text = addText(policy.body)
        take(domain, hash)
        let offset = block.count
        let name = domain.ascii.utf8
        grow(by: Place.name + name.count + policy.id.count)
        append(UInt32(text))
        append(policy.fetchedAt.secondsSinceEpoch)
        append(policy.expiresAt.secondsSinceEpoch)
        // A name has 253 octets at most, and an id was cut to 255.
        block.append(contentsOf: [policy.modeOctet, UInt8(policy.id.count), UInt8(name.count)])
        block.append(contentsOf: name)
        block.append(contentsOf: policy.id)
        names.insert(offset, hash)
        repackIfHalfIsLost()
    }

    mutating func remove(_ domain: DomainName, _ hash: UInt64) {
        take(domain, hash)
        repackIfHalfIsLost()
    }

    private mutating func take(_ domain: DomainName, _ hash: UInt64) {
        guard let offset = offset(of: domain, hash) else { return }
        names.remove(offset, hash)
        lost += Place.name + Int(block[offset + Place.nameLength]) + Int(block[offset + Place.idLength])
        dropText(at: textOffset(at: offset))
    }

    /// Adds one policy that has the text; returns its offset.
    private mutating func addText(_ text: ArraySlice<UInt8>) -> Int {
        let hash = text.withUnsafeBytes(KeyedHash.hash)
        let known = text.withUnsafeBytes { octets in
            texts.offset(of: hash) { offset in isEqual(octets, at: offset + Place.octets, textLength(at: offset)) }
        }
        if let known {
            changeUsers(at: known, by: 1)
            return known
        }
        let offset = block.count
        grow(by: Place.octets + text.count)
        append(UInt32(1))
        append(UInt32(text.count))
        block.append(contentsOf: text)
        texts.insert(offset, hash)
        return offset
    }

    private mutating func dropText(at offset: Int) {
        guard changeUsers(at: offset, by: -1) == 0 else { return }
        let text = text(at: offset)
        lost += Place.octets + text.count
        texts.remove(offset, text.withUnsafeBytes(KeyedHash.hash))
    }

    @discardableResult
    private mutating func changeUsers(at offset: Int, by change: Int) -> Int {
        let users = Int(number(at: offset + Place.users, UInt32.self)) + change
        let place = offset + Place.users
        withUnsafeBytes(of: UInt32(users)) { block.replaceSubrange(place..<place + $0.count, with: $0) }
        return users
    }

    private mutating func repackIfHalfIsLost() {
        guard lost > Self.smallestRepacked, lost > block.count / 2 else { return }
        var packed = PackedPolicies()
        packed.block.reserveCapacity(block.count - lost)
        forEach { packed.set($1, for: $0, Self.hash(of: $0)) }
        packed.repacks = repacks + 1
        self = packed
    }

    // MARK: The block

    private mutating func grow(by octets: Int) {
        guard block.count + octets > block.capacity else { return }
        block.reserveCapacity(block.count + max(octets, block.count / Self.growth))
    }

    private mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number) { block.append(contentsOf: $0) }
    }

    private func isEqual(_ octets: UnsafeRawBufferPointer, at place: Int, _ count: Int) -> Bool {
        guard count == octets.count, let theirs = octets.baseAddress else { return count == octets.count }
        return block.withUnsafeBytes { ours in
            ours.baseAddress.map { memcmp($0 + place, theirs, count) == 0 } ?? false
        }
    }

    private func number<Number: FixedWidthInteger & BitwiseCopyable>(at place: Int, _: Number.Type) -> Number {
        block.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: Number.self) }
    }
}
