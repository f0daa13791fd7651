// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why a statement has no answer.
package struct PostgresError: Error, Sendable, Hashable {
    package enum Cause: Sendable, Hashable, CaseIterable {
        /// The connection string cannot be read. Nothing helps but another one.
        case settings
        /// No server answers, or none that may be written to, where the connection string asks for one; or it is starting or
        /// stopping, or the connection was cut. Try again later.
        case unreachable
        /// No answer within the deadline; whether the server has done it is not known. The connection is closed; try again
        /// later.
        case late
        /// The server does not let us in, or not do this: name, password, TLS, database, rights.
        case refused
        /// It can be read only: a standby, or an administrator's word.
        case readOnly
        /// It has no room: disk, memory, connections.
        case full
        /// A table or a column is missing, or is another.
        case schema
        /// The row is there already.
        case duplicate
        /// Another transaction was in the way: try again at once.
        case conflict
        /// The connection was lost while the transaction was being committed: whether it was is not known.
        case uncertain
        /// A fault of ours, or one that we do not know.
        case other
    }

    package let cause: Cause
    /// The five characters of the SQLSTATE; empty where the server said none. - PostgreSQL, Appendix A: Error Codes.
    package let state: String
    /// What libpq or the server said; safe to print.
    package let text: String

    package init(_ cause: Cause, state: String = "", _ text: String) {
        self.cause = cause
        self.state = state
        self.text = printable(String(text.map { $0 == "\n" ? " " : $0 }))
    }

    /// By the SQLSTATE that the server gave.
    init(state: String, _ text: String) { self.init(Self.cause(of: state), state: state, text) }

    static func cause(of state: String) -> Cause {
        switch state {
        case "25006": .readOnly
        case "23505": .duplicate
        case "57014", "55P03", "25P03", "57P05": .late
        case "53100", "53200", "53300", "53400", "53000": .full
        case "42P01", "42703", "3F000", "42883", "42P10", "42804": .schema
        case "40001", "40P01": .conflict
        case "42501", "3D000", "28000", "28P01", "0P000": .refused
        case let state where state.hasPrefix("57P"): .unreachable
        case let state where state.hasPrefix("08"): .unreachable
        default: .other
        }
    }

    /// Whether the connection can go on after it.
    var keepsConnection: Bool {
        switch cause {
        case .duplicate, .conflict, .schema, .readOnly, .full, .other, .refused: !state.isEmpty
        // The server itself has ended the statement.
        case .late: !state.isEmpty
        case .settings, .unreachable, .uncertain: false
        }
    }
}

extension PostgresError: CustomStringConvertible {
    package var description: String {
        let what =
            switch cause {
            case .settings: "the connection string cannot be used"
            case .unreachable: "not reachable"
            case .late: "no answer in time"
            case .refused: "refused"
            case .readOnly: "read-only"
            case .full: "no room"
            case .schema: "not the expected tables"
            case .duplicate: "there already"
            case .conflict: "another transaction was in the way"
            case .uncertain: "it is not known whether it was committed"
            case .other: "failed"
            }
        return "PostgreSQL: \(what)\(text.isEmpty ? "" : " (\(text))")"
    }
}
