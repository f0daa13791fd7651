// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TLSRPT

/// Under what sessions are added up: one policy of one report.
struct TallyKey: TableKey {
    let day: UTCDay
    let domain: DomainName
    let policy: AppliedPolicy
    /// Made once, since a table that grows asks again; without the text of a policy, which is long: a domain seldom has two of
    /// one length on a day.
    let tableHash: UInt64

    init(day: UTCDay, domain: DomainName, policy: AppliedPolicy) {
        self.day = day
        self.domain = domain
        self.policy = policy
        let ofPolicy =
            switch policy {
            case .sts(_, let policy): policy?.textOctets ?? 0
            case .reported(let policy): Int(truncatingIfNeeded: policy.tableHash)
            }
        tableHash = Self.hash(day, domain, ofPolicy)
    }

    /// - Parameter ofPolicy: of an STS policy the octets of its text.
    static func hash(_ day: UTCDay, _ domain: DomainName, _ ofPolicy: Int) -> UInt64 {
        KeyedHash.hash(
            domain.tableHash, UInt64(bitPattern: day.daysSinceEpoch) << 32 ^ UInt64(bitPattern: Int64(ofPolicy)))
    }

    /// The hash first, which nearly always tells two keys apart.
    static func == (left: TallyKey, right: TallyKey) -> Bool {
        left.tableHash == right.tableHash && left.day == right.day && left.domain == right.domain
            && left.policy == right.policy
    }

    func hash(into hasher: inout Hasher) { hasher.combine(tableHash) }
}

/// Tallies, found by their keys; in the order in which the keys came.
///
/// Not a dictionary, which hashes the key's hash once more and takes a copy of the key for each look.
struct TallyTable: Sendable {
    struct Row: Sendable {
        let key: TallyKey
        /// The key's policy where it is the domain's own STS policy: in place, to be compared without a copy of the key's.
        fileprivate let ownPolicy: Policy?
        var tally = Tally()

        fileprivate init(_ key: TallyKey) {
            self.key = key
            ownPolicy = if case .sts(key.domain, let policy) = key.policy { policy } else { nil }
        }
    }

    private var index = HashIndex()
    private(set) var rows: ContiguousArray<Row> = []

    var count: Int { rows.count }
    var isEmpty: Bool { rows.isEmpty }

    func place(of key: TallyKey) -> Int? {
        index.offset(of: key.tableHash) { rows[$0].key == key }
    }

    /// The place of the key that a domain's own policy has on a day, where it lies in the very same block; nil may also mean
    /// that it lies in another one.
    func place(of hash: UInt64, _ day: UTCDay, _ domain: DomainName, _ policy: Policy) -> Int? {
        index.offset(of: hash) { place in
            rows[place].key.tableHash == hash && rows[place].key.day == day && rows[place].key.domain == domain
                && rows[place].ownPolicy?.isSame(as: policy) == true
        }
    }

    /// Adds an empty tally for a key that has none.
    /// - Returns: its place.
    mutating func add(_ key: TallyKey) -> Int {
        index.insert(rows.count, key.tableHash)
        rows.append(Row(key))
        return rows.count - 1
    }

    subscript(place: Int) -> Tally {
        get { rows[place].tally }
        _modify { yield &rows[place].tally }
    }
}

extension ReportedPolicy {
    /// A hash of all of it: one that a stranger writes may be made to look like another one.
    fileprivate var tableHash: UInt64 {
        var hash = KeyedHash.hash(UInt64(strings.count), UInt64(mxHosts.count))
        func add(_ text: String) {
            hash = KeyedHash.hash(hash, text.utf8.span.withUnsafeBytes { KeyedHash.hash($0) })
        }
        add(type.text)
        add(domain ?? "")
        for text in strings { add(text) }
        for text in mxHosts { add(text) }
        return hash
    }
}
