// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import PostgreSQL

extension PostgresValue {
    /// A list for a place of type text[]. - PostgreSQL, 8.15.2: Array Value Input.
    static func texts(_ texts: some Sequence<String>) -> PostgresValue {
        let quoted = texts.map { text in
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        return .text("{" + quoted.joined(separator: ",") + "}")
    }

    /// Rows for jsonb_to_recordset.
    static func rows(_ rows: some Encodable) -> PostgresValue {
        guard let json = try? JSONEncoder().encode(rows) else { preconditionFailure("texts and numbers are JSON") }
        return .text(String(decoding: json, as: UTF8.self))
    }

    static func day(_ day: UTCDay) -> PostgresValue { .integer(day.daysSinceEpoch) }
    /// Whole seconds, for make_interval.
    static func seconds(_ duration: Duration) -> PostgresValue { .integer(duration.components.seconds) }
}

extension PostgresRow {
    func day(_ column: Int) -> UTCDay? { integer(column).map(UTCDay.init(daysSinceEpoch:)) }
    func isTrue(_ column: Int) -> Bool { self[column] == "t" }
}

extension UTCTime {
    /// The moment that the database's clock has so many seconds from now, by the clock of this machine.
    func after(seconds: Int64) -> UTCTime { self + .seconds(seconds) }
}
