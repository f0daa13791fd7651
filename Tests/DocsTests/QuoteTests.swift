// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestKit
import Testing

/// Blocks marked ```` ```console ```` are what the program says, those marked ```` ```toml ```` what it reads.
@Suite("What the pages quote is what the program says")
struct QuoteTests {
    /// Files that the pages name as an operator does, and what stands for them here.
    private static let fixtures = [
        "/var/log/mail.log": "Tests/DocsTests/Files/mail.log",
        "report.json.gz": "Tests/ReportViewTests/Reports/rfc8460-appendix-b.json",
        "report.json": "Tests/ReportViewTests/Reports/rfc8460-appendix-b.json",
        "sts-milter.toml": "Tests/DocsTests/Files/sts-milter.toml",
    ]
    /// They ask the network or a daemon: the scenarios look at what they say.
    private static let elsewhere: Set<String> = ["check", "status"]

    private struct Quote: CustomStringConvertible {
        let page: String
        let command: [String]
        let lines: [String]
        var description: String { "\(page): \(command.joined(separator: " "))" }
    }

    private static func quotes() throws -> [Quote] {
        try Project.pages.flatMap { path in
            try MarkdownPage(path).blocks.filter { $0.kind == "console" }.flatMap { block in
                block.lines.split { $0.hasPrefix("$ ") }.isEmpty ? [] : split(block, path)
            }
        }
    }

    private static func split(_ block: MarkdownPage.Block, _ path: String) -> [Quote] {
        let starts = block.lines.indices.filter { block.lines[$0].hasPrefix("$ ") }
        return starts.enumerated().map { number, start in
            let end = number + 1 < starts.count ? starts[number + 1] : block.lines.endIndex
            let command = block.lines[start].dropFirst(2).prefix { $0 != "#" }
            return Quote(
                page: path, command: command.split(separator: " ").map(String.init),
                lines: Array(block.lines[(start + 1)..<end]))
        }
    }

    @Test("a command and its answer")
    func console() throws {
        let quotes = try Self.quotes().filter { quote in
            quote.command.first == "sts-milter" && !quote.lines.isEmpty
                && !Self.elsewhere.contains(quote.command.dropFirst().first ?? "")
        }
        #expect(quotes.count >= 3)
        for quote in quotes {
            var arguments = quote.command.dropFirst().map { Self.fixtures[$0] ?? $0 }
            if arguments.first == "intake" { arguments.append("--no-config") }
            let result = try Project.run(nil, Array(arguments))
            var said = result.output + result.errors
            for (name, file) in Self.fixtures { said = said.replacing(file, with: name) }
            // A line of dots stands for lines that are left out.
            var rest = said.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
            for piece in quote.lines.split(separator: "...", omittingEmptySubsequences: false) where !piece.isEmpty {
                guard let place = rest.ranges(of: piece).first else {
                    Issue.record("\(quote) says\n\(said)")
                    break
                }
                rest = rest[place.upperBound...]
            }
            let isCut = quote.lines.last == "..."
            #expect(isCut || rest.allSatisfy(\.isEmpty), "\(quote) says more:\n\(rest.joined(separator: "\n"))")
        }
    }

    @Test("settings that are quoted are valid", arguments: Project.pages)
    func settings(_ path: String) throws {
        for block in try MarkdownPage(path).blocks where block.kind == "toml" {
            let folder = try TemporaryDirectory()
            // A key need not be here.
            let lines = block.lines.filter { !$0.hasPrefix("dkim_") }
            let file = try folder.write("quoted.toml", lines.map { $0 + "\n" }.joined())
            let result = try Project.run(nil, ["config", "check", "--config", file])
            #expect(result.status == 0, "\(path), line \(block.line): \(result.errors)")
        }
    }

    /// Whether each piece of a text between its values stands in a literal of the program.
    private func expectSaid(_ text: some StringProtocol, _ place: String) {
        let values = /\.\.\.|\b[A-Z]+\b(?=:)|\(policy mode enforce\)|; see sts-milter check D/
        for piece in String(text).split(separator: values) {
            let words = piece.trimmingCharacters(in: .whitespaces.union(.punctuationCharacters))
            guard words.count > 3 else { continue }
            #expect(Project.literals.contains { $0.contains(words) }, "\(place): nothing says '\(words)'")
        }
    }

    @Test("replies are made of the program's own words")
    func replies() throws {
        let rows = try MarkdownPage("docs/manual/replies.md").rows(below: "Replies")
        #expect(rows.count > 10)
        for span in rows.flatMap({ MarkdownPage.spans($0[0]) }) {
            expectSaid(span.trimmingPrefix(/451 4\.[0-9x.]+ (MTA-STS: )?/), "the reply \(span)")
        }
    }

    @Test("the lines of status are made of the program's own words")
    func status() throws {
        let rows = try MarkdownPage("docs/manual/reference.md").rows(below: "The lines of `status`")
        #expect(rows.count > 8)
        for span in rows.flatMap({ MarkdownPage.spans($0[0]) }) { expectSaid(span, "the line \(span)") }
    }
}
