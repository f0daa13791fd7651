// SPDX-License-Identifier: Apache-2.0

/// Finds the line on which a key stands, which the TOML library tells only of syntax errors.
struct SettingsLines: Sendable {
    private struct Place: Hashable {
        let key: String
        let rule: Int?
    }

    private var lines: [Place: Int] = [:]

    init(_ text: String) {
        var table = ""
        var rule: Int?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " || $0 == "\t" }
            if line.hasPrefix("[[") {
                table = ""
                rule = (rule ?? -1) + 1
                note("rule", rule, index)
            } else if line.hasPrefix("[") {
                table = String(line.dropFirst().prefix { $0 != "]" })
                note(table, nil, index)
            } else if let equals = line.firstIndex(of: "="), !line.hasPrefix("#") {
                let key = line[..<equals].filter { $0 != " " && $0 != "\"" && $0 != "\t" }
                // Keys behind [[rule]] belong to it until another table begins.
                note(table.isEmpty ? String(key) : "\(table).\(key)", table.isEmpty ? rule : nil, index)
            }
        }
    }

    /// The line of the key, counted from 1; 0 when it is not found.
    func line(of key: String, rule: Int?) -> Int {
        lines[Place(key: key, rule: rule)] ?? lines[Place(key: "rule", rule: rule)] ?? 0
    }

    private mutating func note(_ key: String, _ rule: Int?, _ index: Int) {
        let place = Place(key: key, rule: rule)
        if lines[place] == nil { lines[place] = index + 1 }
    }
}
