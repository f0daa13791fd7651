// SPDX-License-Identifier: Apache-2.0

/// One of several tables of a name, such as `[[pin]]`: which of them, counted from 0.
struct SettingsBlockPlace: Sendable, Hashable {
    let name: String
    let index: Int
}

/// Finds the line on which a key stands, which the TOML library tells only of syntax errors.
struct SettingsLines: Sendable {
    private struct Place: Hashable {
        let key: String
        let block: SettingsBlockPlace?
    }

    private var lines: [Place: Int] = [:]
    private var counts: [String: Int] = [:]

    init(_ text: String) {
        var table = ""
        var block: SettingsBlockPlace?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " || $0 == "\t" }
            if line.hasPrefix("[[") {
                table = ""
                let name = Self.key(line.dropFirst(2).prefix { $0 != "]" })
                block = SettingsBlockPlace(name: name, index: counts[name, default: 0])
                counts[name, default: 0] += 1
                note("", block, index)
            } else if line.hasPrefix("[") {
                table = Self.key(line.dropFirst().prefix { $0 != "]" })
                block = nil
                note(table, nil, index)
            } else if let equals = line.firstIndex(of: "="), !line.hasPrefix("#") {
                let key = Self.key(line[..<equals])
                // Keys behind [[rule]] belong to it until another table begins.
                note(table.isEmpty ? key : "\(table).\(key)", block, index)
            }
        }
    }

    /// The line of the key, counted from 1; that of its block when it is not found, 0 when there is none.
    func line(of key: String, in block: SettingsBlockPlace?) -> Int {
        lines[Place(key: key, block: block)] ?? lines[Place(key: "", block: block)] ?? 0
    }

    /// The lines on which blocks of a name begin.
    func lines(ofBlocks name: String) -> [Int] {
        (0..<counts[name, default: 0]).compactMap {
            lines[Place(key: "", block: SettingsBlockPlace(name: name, index: $0))]
        }
    }

    /// The value of a key of a table that stands on one line, whatever is wrong with other lines; nil if there is none.
    static func value(of key: String, in text: String) -> TOMLValue? {
        var table = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let line = line.drop { $0 == " " || $0 == "\t" }
            if line.hasPrefix("[") {
                table = line.hasPrefix("[[") ? "[" : Self.key(line.dropFirst().prefix { $0 != "]" }) + "."
            } else if let equals = line.firstIndex(of: "="), !line.hasPrefix("#"),
                table + Self.key(line[..<equals]) == key
            {
                return try? TOMLValue.file("value \(line[equals...])")["value"]
            }
        }
        return nil
    }

    private mutating func note(_ key: String, _ block: SettingsBlockPlace?, _ index: Int) {
        let place = Place(key: key, block: block)
        if lines[place] == nil { lines[place] = index + 1 }
    }

    /// A key without quotes and blanks.
    private static func key(_ text: Substring) -> String { text.filter { $0 != " " && $0 != "\"" && $0 != "\t" } }
}
