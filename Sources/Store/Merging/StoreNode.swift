// SPDX-License-Identifier: Apache-2.0
import Basics
import CSQLite
import CSystemd
import Reporting
import SQLite

/// Whose counts those of a store are.
package struct StoreNode: Sendable, Hashable {
    /// Made with the store, by chance: 32 hexadecimal digits.
    package let id: String
    /// ``MachineIdentity`` when the store was first used; empty where the system gives none.
    package let machine: String
    /// Days before are not exported: their counts are also in the store of which this one is a copy.
    package let firstDay: UTCDay
}

/// What tells this machine from others, of whose disks one may be a copy of the other.
package enum MachineIdentity {
    /// Tells what is made of machine-id(5) here from what other programs make of it.
    private static let application = sd_id128_t(qwords: (0x5A1E_39C0_77D2_4B6F, 0x9C0B_E4F3_1D85_A270))

    /// - Returns: 16 hexadecimal digits made of machine-id(5), which is not to be given to others; empty if there is none.
    package static func read() -> String {
        var identity = sd_id128_t()
        guard sd_id128_get_machine_app_specific(application, &identity) >= 0 else { return "" }
        let digits = String(identity.qwords.0, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// Why the counts of a day cannot be exported.
package enum ExportRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The work on the day's reports has begun on this machine.
    case begun(UTCDay)
    /// The counts of the day are shared with the fleet.
    case shared(UTCDay)
    /// The store was made on another machine.
    case otherMachine
    /// The store is a copy, and had counts of the day when it was made.
    case copied(UTCDay, first: UTCDay)

    package var description: String {
        switch self {
        case .begun(let day):
            "\(day): this machine has begun the day's reports, so that its counts are not exported; "
                + "from tomorrow on they are with report.schedule = \"export\""
        case .shared(let day): "\(DayElsewhere.shared(day))"
        case .otherMachine:
            "the store was made on another machine (its machine-id(5) is not this one's). If the store or the machine-id has "
                + "moved: report export --moved. If this is a copy of a machine that goes on: report export --copied, after "
                + "which days up to today are left to the other one"
        case .copied(let day, let first):
            "\(day): the store is a copy, and exports days from \(first) on"
        }
    }
}

extension Store {
    /// Who we are. The machine is noted at the first call.
    /// - Returns: also whether the store was made on another machine.
    package func node(
        on machine: String = MachineIdentity.read()
    ) async throws(StoreError) -> (node: StoreNode, isElsewhere: Bool) {
        try await write { db in
            if !machine.isEmpty {
                try db.execute(sql: "UPDATE node SET machine = ? WHERE machine = ''", arguments: [machine])
            }
            let node = try Self.node(in: db)
            return (node, !machine.isEmpty && node.machine != machine)
        }
    }

    /// Takes the store for this machine's from now on.
    /// - Parameter first: nil if it has moved here; otherwise it is a copy of another machine's, and counts of days before
    ///   this one are the other's: it gets an identity of its own.
    package func adopt(on machine: String = MachineIdentity.read(), from first: UTCDay?) async throws(StoreError) {
        try await write { db in
            try db.execute(sql: "UPDATE node SET machine = ?", arguments: [machine])
            guard let first else { return }
            try db.execute(
                sql: "UPDATE node SET id = lower(hex(randomblob(16))), first_day = ?", arguments: [first.daysSinceEpoch]
            )
            // The other machine has them as well.
            try db.execute(sql: "DELETE FROM count_batch")
        }
    }

    static func node(in db: Database) throws -> StoreNode {
        guard let row = try Row.fetchOne(db, sql: "SELECT id, machine, first_day FROM node") else {
            throw DatabaseError(code: SQLITE_CORRUPT, message: "the store has no identity")
        }
        return StoreNode(id: row[0], machine: row[1], firstDay: UTCDay(daysSinceEpoch: row[2]))
    }
}
