// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials

/// The text of a settings file, of which single keys are changed: every other line stays as the administrator wrote it.
struct SettingsText: Sendable {
    private var lines: [Substring]

    init(_ text: String) { lines = text.split(separator: "\n", omittingEmptySubsequences: false) }

    var text: String { lines.joined(separator: "\n") }

    /// Gives a key its value: in place of the one that it has, below its example, or at the top of its table.
    /// - Parameters:
    ///   - key: such as `milter.socket`, or `on_violation` at the top of the file.
    ///   - value: as TOML has it, on one line.
    mutating func set(_ key: String, to value: String) {
        let parts = key.split(separator: ".", maxSplits: 1)
        let name = parts[parts.count - 1]
        let line = Substring("\(name) = \(value)")
        let table = parts.count == 2 ? String(parts[0]) : nil
        guard let range = range(of: table) else {
            if lines.last?.isEmpty == false { lines.append("") }
            lines += ["[\(table ?? "")]", line, ""]
            return
        }
        if let given = range.first(where: { Self.isAssignment(lines[$0], of: name) }) {
            lines[given] = line
        } else if let example = range.last(where: { lines[$0].hasPrefix("#\(name) = ") }) {
            lines.insert(line, at: example + 1)
        } else if table == nil, let last = range.last(where: { !lines[$0].isEmpty }) {
            // Not above a remark at the head of the file.
            lines.insert(line, at: last + 1)
        } else {
            lines.insert(line, at: range.lowerBound)
        }
    }

    /// The lines of a table below its head; nil for the top of the file.
    private func range(of table: String?) -> Range<Int>? {
        var start = 0
        if let table {
            guard let head = lines.firstIndex(where: { Self.head($0) == "[\(table)]" }) else { return nil }
            start = head + 1
        }
        let end = lines[start...].firstIndex { Self.head($0) != nil } ?? lines.count
        return start..<end
    }

    /// The head of a table or block that a line is, without blanks and remark.
    private static func head(_ line: Substring) -> String? {
        let bare = line.filter { !$0.isWhitespace }
        guard bare.hasPrefix("[") else { return nil }
        return String(bare.prefix { $0 != "#" })
    }

    private static func isAssignment(_ line: Substring, of name: Substring) -> Bool {
        let bare = line.drop(while: \.isWhitespace)
        return bare.hasPrefix(name) && bare.dropFirst(name.count).drop(while: \.isWhitespace).first == "="
    }
}
