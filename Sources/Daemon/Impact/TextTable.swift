// SPDX-License-Identifier: Apache-2.0

/// Columns as wide as what stands in them, for a terminal. All texts are printable ASCII.
struct TextTable {
    /// Two blanks tell columns apart.
    private static let gap = "  "

    private let isRight: [Bool]
    private var rows: [[String]]

    /// - Parameter columns: their titles; `>` before one puts its column to the right.
    init(_ columns: [String]) {
        isRight = columns.map { $0.hasPrefix(">") }
        rows = [columns.map { $0.hasPrefix(">") ? String($0.dropFirst()) : $0 }]
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    var lines: [String] {
        let widths = isRight.indices.map { column in rows.map { $0[column].utf8.count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { column in
                let blanks = String(repeating: " ", count: widths[column] - row[column].utf8.count)
                return isRight[column] ? blanks + row[column] : row[column] + blanks
            }
            let line = cells.joined(separator: Self.gap)
            // Nothing stands behind the last word.
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
