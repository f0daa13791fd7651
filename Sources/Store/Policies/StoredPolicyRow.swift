// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import MTASTS
import SQLite

/// A row of the table `policy`, its lines not parsed yet.
enum StoredPolicyRow {
    case policy(DomainName, PackedPolicy)
    /// What was written there has changed since, or is no policy; the domain had one that enforces, until then.
    case unreadable(DomainName, expiresAt: UTCTime)
    /// What no policy can be made of, and that nothing need be concluded from; the name is safe to print.
    case nothing(String)

    static let columns = "domain, id, mode, fetched_at, expires_at, body, checksum"
    static let unreadableText = "the stored policy cannot be read, and is not fetched anew yet"

    init(_ row: Row) {
        let name: String? = row[0]
        guard let name, let domain = try? DomainName(host: name) else {
            self = .nothing(printable(name ?? ""))
            return
        }
        let modeText: String? = row[2]
        let mode = modeText.flatMap(Policy.Mode.init(rawValue:))
        let expiresAt: Int64? = row[4]
        guard let mode, let packed = Self.packed(row, mode) else {
            // A mode that cannot be read may have been enforce.
            let isHarmless = mode == .testing || mode == Policy.Mode.none
            self =
                isHarmless
                ? .nothing(name) : .unreadable(domain, expiresAt: UTCTime(secondsSinceEpoch: expiresAt ?? .max))
            return
        }
        let checksum: Int64? = row[6]
        guard checksum == packed.checksum(of: domain) else {
            self = mode == .enforce ? .unreadable(domain, expiresAt: packed.expiresAt) : .nothing(name)
            return
        }
        self = .policy(domain, packed)
    }

    private static func packed(_ row: Row, _ mode: Policy.Mode) -> PackedPolicy? {
        guard let id: String = row[1], let fetchedAt: Int64 = row[3], let expiresAt: Int64 = row[4] else { return nil }
        let life = PolicyLife(
            mode: mode, fetchedAt: UTCTime(secondsSinceEpoch: fetchedAt),
            expiresAt: UTCTime(secondsSinceEpoch: expiresAt))
        guard !row.isNull(5) else { return nil }
        return row.withBlob(at: 5) { PackedPolicy(life: life, id: id.utf8, body: $0) }
    }
}
