// SPDX-License-Identifier: Apache-2.0
import PostgreSQL

/// Why the fleet's database did not do what was asked of it. What waits for it goes on waiting.
package enum FleetError: Error, Sendable, Hashable {
    case database(PostgresError)
    /// The tables are missing, or older than this program needs.
    case notMigrated(found: Int?)
    /// The tables are of a version that no longer takes this program.
    case tooOld(needed: Int)
    /// Another machine takes part under the identity of this one's store.
    case copied(host: String)
    /// The database has batches of this store that the store does not know.
    case storeIsOlder
    /// The store was made on another machine.
    case otherMachine
    /// Another store has taken the place of the one that the daemon began with.
    case otherStore

    /// Whether only another transaction was in the way: the next try goes on.
    package var isConflict: Bool {
        guard case .database(let error) = self else { return false }
        return error.cause == .conflict
    }
}

extension FleetError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .database(let error): "\(error)"
        case .notMigrated(let found?):
            "the tables are of version \(found), this program needs \(FleetSchema.version): run sts-milter fleet migrate"
        case .notMigrated(nil): "the database has no tables of sts-milter: run sts-milter fleet migrate"
        case .tooOld(let needed):
            "the tables are of a later version, which needs version \(needed) of this program's part: upgrade sts-milter here"
        case .copied(let host):
            "\(host) takes part under the identity of this machine's store: one of the two stores is a copy; on the machine that "
                + "has the copy: sts-milter report export --copied"
        case .storeIsOlder:
            "the database has counts of this store that the store does not know: it was put back from a backup, or is a copy; "
                + "sts-milter report export --copied gives it an identity of its own from tomorrow on"
        case .otherStore: "another store has taken the place of the one that the daemon began with: restart sts-milter"
        case .otherMachine:
            "the store was made on another machine: sts-milter report export --moved, or --copied if that one goes on"
        }
    }
}
