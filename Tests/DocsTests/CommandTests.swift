// SPDX-License-Identifier: Apache-2.0
import Testing

@Suite("Manual and man page know each command of the program with its options")
struct CommandTests {
    private static let page = "docs/manual/commands.md"
    private static let manPage = "docs/sts-milter.8"

    /// The commands of the manual: each has a heading, a synopsis in a block, and text.
    private static func documented() throws -> [(command: String, synopsis: Set<String>, text: String)] {
        let lines = try Project.text(page).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let starts = lines.indices.filter { lines[$0].hasPrefix("## `") }
        return starts.map { start in
            let section = lines[(start + 1)...].prefix { !$0.hasPrefix("## ") }
            let name = lines[start].split(separator: "`")[1]
            let synopsis = section.drop { !$0.hasPrefix("```") }.dropFirst().prefix { !$0.hasPrefix("```") }
            let text = section.drop { !$0.hasPrefix("```") }.dropFirst(synopsis.count + 2)
            return (String(name), options(synopsis.joined(separator: " ")), text.joined(separator: "\n"))
        }
    }

    private static func options(_ text: String) -> Set<String> {
        Set(text.matches(of: /--([a-z][a-z-]*)/).map { String($0.1) })
    }

    /// The commands of the synopsis of the man page; `refresh | forget` are two.
    private static func ofManPage() throws -> [String: Set<String>] {
        let text = try Project.text(manPage)
        guard let start = text.firstRange(of: ".Sh SYNOPSIS"), let end = text.firstRange(of: ".Sh DESCRIPTION") else {
            return [:]
        }
        var found: [String: Set<String>] = [:]
        for entry in text[start.upperBound..<end.lowerBound].split(separator: ".Nm\n") {
            let lines = entry.split(separator: "\n")
            guard let words = lines.first(where: { $0.hasPrefix(".Cm ") })?.dropFirst(".Cm ".count) else { continue }
            let options = Set(
                lines.filter { !$0.hasPrefix(".Cm ") }.flatMap { $0.matches(of: /Fl -([a-z][a-z-]*)/) }.map {
                    String($0.1)
                })
            let path = words.split(separator: " ").map(String.init)
            let stem = path.prefix { $0 != "|" }.dropLast()
            let choices = path.dropFirst(stem.count).filter { $0 != "|" }
            for choice in choices { found[(stem + [choice]).joined(separator: " "), default: []].formUnion(options) }
        }
        return found
    }

    @Test("the manual has each command, with the options that the program has")
    func manual() throws {
        let commands = try HelpDump.read().commands()
        let documented = try Self.documented()
        #expect(Set(documented.map(\.command)) == Set(commands.keys))
        for one in documented {
            let options = commands[one.command] ?? []
            #expect(one.synopsis == options, "the synopsis of \(one.command)")
            for option in options where !one.text.contains("--\(option)") {
                Issue.record("\(one.command) --\(option) is not explained")
            }
        }
    }

    @Test("the man page has each command, with the options that the program has")
    func manPage() throws {
        let commands = try HelpDump.read().commands()
        let found = try Self.ofManPage()
        #expect(Set(found.keys) == Set(commands.keys))
        for (command, options) in commands { #expect(found[command] == options, "\(command)") }
    }

    @Test("the man page explains each command")
    func explained() throws {
        let text = try Project.text(Self.manPage)
        let items = text.matches(of: /\.It Cm ([^\n]+)/).map { String($0.1) }
        for command in try HelpDump.read().commands().keys {
            #expect(items.contains(command), "\(Self.manPage): no item for \(command)")
        }
    }

    @Test("what other pages call exists", arguments: Project.pages)
    func called(_ path: String) throws {
        let commands = try HelpDump.read().commands()
        let groups = Set(commands.keys.compactMap { $0.split(separator: " ").first.map(String.init) })
        let lines = try Project.text(path).split(separator: "\n")
        for line in lines {
            for call in line.matches(of: /sts-milter ((?:[a-z-]+ ?){1,2})((?:--[a-z-]+[^`|#]*)?)/) {
                let words = call.1.split(separator: " ").map(String.init)
                // "sts-milter is down" is no command.
                guard groups.contains(words[0]) else { continue }
                let command = commands.keys.first { $0 == words.prefix(2).joined(separator: " ") || $0 == words[0] }
                let name = try #require(command, "\(path): \(line)")
                let known = (commands[name] ?? []).union(HelpDump.common)
                #expect(Self.options(String(call.2)).isSubset(of: known), "\(path): \(line)")
            }
        }
    }

    @Test("targets of make that the pages name exist", arguments: Project.pages)
    func make(_ path: String) throws {
        let makefile = try Project.text("Makefile")
        let targets = Set(makefile.matches(of: /(?m)^([a-z-]+):/).map { String($0.1) })
        #expect(targets.count > 8)
        // As code, or as a line of commands with a remark.
        for call in try Project.text(path).matches(of: /(?:`|\n *)make ([a-z-]+)(?=`| +#)/) {
            #expect(targets.contains(String(call.1)), "\(path): make \(call.1)")
        }
    }
}
