// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import PostgreSQL

/// A row of `sts.policy`, as any machine may have written it: nothing of it is believed before it is read.
struct PolicyRow: Sendable {
    /// More than a policy host may send: lines that count get a blank here and there.
    static let maxOctets = 128 << 10
    static let columns = """
        domain, id, fetched_at, substring(body FROM 1 FOR \(maxOctets + 1)) AS body, forgotten_at, changed, node
        """

    /// Why a row is none.
    enum Defect: Error, Sendable, Hashable {
        case domain
        case body(PolicyError)
        case size
    }

    let domain: DomainName
    let id: String
    let fetchedAt: UTCTime
    /// Nil if the row says only that the policy was forgotten.
    let body: [UInt8]?
    /// Nil if it never was.
    let forgottenAt: UTCTime?

    init(_ row: PostgresRow) throws(Defect) {
        guard let domain = try? DomainName(host: row[0] ?? "") else { throw .domain }
        self.domain = domain
        id = row[1] ?? ""
        fetchedAt = UTCTime(secondsSinceEpoch: row.integer(2) ?? 0)
        body = row.octets(3)
        guard body?.count ?? 0 <= Self.maxOctets else { throw .size }
        forgottenAt = row.integer(4).flatMap { $0 > 0 ? UTCTime(secondsSinceEpoch: $0) : nil }
    }

    /// Where the row stands among all changes.
    static func changed(_ row: PostgresRow) -> Int64 { row.integer(5) ?? 0 }

    /// The policy, read as strictly as one from its domain; nil if there is none.
    func policy() throws(Defect) -> CachedPolicy? {
        guard let body else { return nil }
        let reading: Policy.Reading
        do throws(PolicyError) { reading = try Policy.read(body) } catch { throw .body(error) }
        return CachedPolicy(domain: domain, id: id, policy: reading.policy, fetchedAt: fetchedAt)
    }
}

extension PolicyRow.Defect: CustomStringConvertible {
    var description: String {
        switch self {
        case .domain: "no domain name"
        case .body(let error): "\(error)"
        case .size: "longer than a policy may be"
        }
    }
}
