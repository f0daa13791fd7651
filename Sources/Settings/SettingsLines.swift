// SPDX-License-Identifier: Apache-2.0

/// Finds the line on which a key stands, which the TOML library tells only of syntax errors.
struct SettingsLines: Sendable {
    private struct Place: Hashable {
        let key: String
        let block: SettingsBlock?
    }

    private var lines: [Place: Int] = [:]

    init(_ text: String) {
        var table = ""
        var block: SettingsBlock?
        var counts: [SettingsBlock.Kind: Int] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " || $0 == "\t" }
            if line.hasPrefix("[[") {
                table = ""
                block = SettingsBlock.Kind(header: line).map { kind in
                    let number = counts[kind, default: 0]
                    counts[kind] = number + 1
                    return SettingsBlock(kind: kind, index: number)
                }
                note("", block, index)
            } else if line.hasPrefix("[") {
                table = String(line.dropFirst().prefix { $0 != "]" })
                block = nil
                note(table, nil, index)
            } else if let equals = line.firstIndex(of: "="), !line.hasPrefix("#") {
                let key = line[..<equals].filter { $0 != " " && $0 != "\"" && $0 != "\t" }
                // Keys behind [[rule]] belong to it until another table begins.
                note(table.isEmpty ? String(key) : "\(table).\(key)", block, index)
            }
        }
    }

    /// The line of the key, counted from 1; that of its block when it is not found, 0 when there is none.
    func line(of key: String, in block: SettingsBlock?) -> Int {
        lines[Place(key: key, block: block)] ?? lines[Place(key: "", block: block)] ?? 0
    }

    private mutating func note(_ key: String, _ block: SettingsBlock?, _ index: Int) {
        let place = Place(key: key, block: block)
        if lines[place] == nil { lines[place] = index + 1 }
    }
}
