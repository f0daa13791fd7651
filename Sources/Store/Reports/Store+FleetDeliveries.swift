// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import SQLite
import TLSRPT

extension Store: SendingMemory {
    /// Deliveries of one piece.
    private static let pieceCount = 500
    /// What stands for no end.
    private static let (underWay, withdrawn) = ("under-way", "withdrawn")

    package func keep(_ sending: KeptSending) async throws {
        let (state, conclusion): (String, DeliveryConclusion?) =
            switch sending.outcome {
            case .underWay: (Self.underWay, nil)
            case .withdrawn: (Self.withdrawn, nil)
            case .concluded(let conclusion): (conclusion.state.rawValue, conclusion)
            }
        try await write { db in
            let insert = try db.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO fleet_delivery (
                        day, domain, destination, round, owner, attempts, marked_at, state, next_try, text
                    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """)
            try insert.execute(arguments: [
                sending.day.daysSinceEpoch, sending.domain.ascii, sending.destination.description, sending.round,
                sending.owner, sending.attempts, sending.markedAt.secondsSinceEpoch, state,
                conclusion?.nextTry.secondsSinceEpoch ?? 0, conclusion?.text ?? "",
            ])
        }
    }

    package func forget(_ sending: KeptSending) async throws {
        try await write { db in
            try db.execute(
                sql: """
                    DELETE FROM fleet_delivery WHERE day = ? AND domain = ? AND destination = ? AND owner = ? AND attempts = ?
                        AND round = ?
                    """,
                arguments: [
                    sending.day.daysSinceEpoch, sending.domain.ascii, sending.destination.description, sending.owner,
                    sending.attempts, sending.round,
                ])
        }
    }

    package func sendings(after last: KeptSending?) async throws -> [KeptSending] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT day, domain, destination, round, owner, attempts, marked_at, state, next_try, text
                    FROM fleet_delivery WHERE (day, domain, destination) > (?, ?, ?) ORDER BY day, domain, destination LIMIT ?
                    """,
                arguments: [
                    last?.day.daysSinceEpoch ?? .min, last?.domain.ascii ?? "", last?.destination.description ?? "",
                    Self.pieceCount,
                ]
            ).compactMap(Self.sending)
        }
    }

    private static func sending(_ row: Row) -> KeptSending? {
        guard let domain = try? DomainName(row[1] as String), let destination = try? ReportDestination(row[2] as String)
        else { return nil }
        let state: String = row[7]
        let outcome: KeptSending.Outcome
        switch state {
        case underWay: outcome = .underWay
        case withdrawn: outcome = .withdrawn
        default:
            guard let state = Delivery.State(rawValue: state) else { return nil }
            outcome = .concluded(
                DeliveryConclusion(state, nextTry: UTCTime(secondsSinceEpoch: row[8]), text: row[9]))
        }
        return KeptSending(
            day: UTCDay(daysSinceEpoch: row[0]), domain: domain, destination: destination, round: row[3], owner: row[4],
            attempts: row[5], markedAt: UTCTime(secondsSinceEpoch: row[6]), outcome: outcome)
    }

    package func forgetSendings(before time: UTCTime) async throws {
        try await write { db in
            try db.execute(
                sql: "DELETE FROM fleet_delivery WHERE marked_at < ?", arguments: [time.secondsSinceEpoch])
        }
    }

    package func highestMark() async throws -> Int64 {
        try await read { db in try Int64.fetchOne(db, sql: "SELECT highest FROM fleet_mark") ?? 0 }
    }

    package func noteMark(_ number: Int64) async throws {
        try await write { db in
            try db.execute(sql: "UPDATE fleet_mark SET highest = max(highest, ?)", arguments: [number])
        }
    }
}
