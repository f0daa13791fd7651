// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A page of documentation, as far as these tests look at it.
struct MarkdownPage {
    struct Block {
        /// The word behind the fence: `toml`, `console`.
        let kind: String
        let lines: [String]
        let line: Int
    }

    struct Link {
        let text: String
        let target: String
    }

    let path: String
    /// Without fenced blocks.
    private(set) var prose: [String] = []
    private(set) var blocks: [Block] = []

    init(_ path: String) throws {
        self.path = path
        var block: (kind: String, lines: [String], line: Int)?
        let lines = try Project.text(path).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for (number, line) in lines.enumerated() {
            if line.hasPrefix("```") {
                if let open = block {
                    blocks.append(Block(kind: open.kind, lines: open.lines, line: open.line))
                    block = nil
                } else {
                    block = (String(line.dropFirst(3)), [], number + 1)
                }
            } else if block != nil {
                block?.lines.append(line)
            } else {
                prose.append(line)
            }
        }
    }

    /// What links to this page may name behind `#`, made as GitHub makes it.
    var anchors: Set<String> {
        var found: Set<String> = []
        for heading in prose where heading.hasPrefix("#") {
            let text = heading.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
            let slug = text.filter { $0.isLetter || $0.isNumber || "- _".contains($0) }.replacing(" ", with: "-")
            var name = slug
            var copy = 0
            while found.contains(name) {
                copy += 1
                name = "\(slug)-\(copy)"
            }
            found.insert(name)
        }
        return found
    }

    var links: [Link] {
        // A link may go over the end of a line.
        prose.filter { !$0.hasPrefix("    ") }.joined(separator: "\n").matches(of: /\[([^\]\[]+)\]\(([^)\s]+)\)/).map {
            Link(text: Self.joined($0.1), target: String($0.2))
        }
    }

    /// What stands between backticks, in lines that are no code themselves.
    var codeSpans: [String] {
        prose.filter { !$0.hasPrefix("    ") }.joined(separator: "\n").matches(of: /`([^`]+)`/).map {
            Self.joined($0.1)
        }
    }

    /// The rows of the table below a heading, each as its cells; without title and rule.
    func rows(below heading: String) -> [[String]] {
        guard let start = prose.firstIndex(where: { $0.wholeMatch(of: /#+ (.*)/).map { String($0.1) } == heading })
        else { return [] }
        return prose[(start + 1)...].prefix { !$0.hasPrefix("#") }.filter { $0.hasPrefix("|") }.dropFirst(2).map(
            Self.cells)
    }

    /// All rows of all tables.
    var rows: [[String]] { prose.filter { $0.hasPrefix("|") && !$0.hasPrefix("|--") }.map(Self.cells) }

    private static func cells(_ row: String) -> [String] {
        row.replacing("\\|", with: "\u{0}").split(separator: "|", omittingEmptySubsequences: false).dropFirst()
            .dropLast().map {
                $0.replacing("\u{0}", with: "|").trimmingCharacters(in: .whitespaces)
            }
    }

    /// In one line.
    private static func joined(_ text: Substring) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    static func spans(_ cell: String) -> [String] { cell.matches(of: /`([^`]+)`/).map { String($0.1) } }
}
