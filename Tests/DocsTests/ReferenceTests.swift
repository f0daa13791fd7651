// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite("Tables and lists of the pages are those of the program")
struct ReferenceTests {
    private static let reference = "docs/manual/reference.md"

    @Test("keys of the settings that the pages name exist", arguments: Project.pages)
    func keys(_ path: String) throws {
        let example = try Project.run(nil, ["config", "example"]).output
        var keys: Set<String> = []
        var tables: Set<String> = []
        var table = ""
        for line in example.split(separator: "\n") {
            if let name = line.wholeMatch(of: /\[([a-z_]+)\]/) {
                table = name.1 + "."
                tables.insert(String(name.1))
            } else if let key = line.prefixMatch(of: /[#]?([a-z_]+)\ =\ /) {
                keys.insert(table + key.1)
            }
        }
        #expect(keys.count > 50 && tables.count > 8)
        for span in try MarkdownPage(path).codeSpans {
            guard let key = span.prefixMatch(of: /([a-z_]+)\.([a-z_]+)(?=\ =\ |$)/), tables.contains(String(key.1))
            else {
                continue
            }
            // The store's file beside its path.
            #expect(keys.contains(String(key.0)) || span == "preload.kept", "\(path): \(span)")
        }
    }

    @Test("the example of the settings and its man page are those that the program makes")
    func example() throws {
        let example = try Project.run(nil, ["config", "example"]).output
        #expect(try Project.text("contrib/sts-milter.toml") == example, "make settings-example")
        let page = try Project.run("/bin/sh", [Project.root + "/docs/settings-man"], input: example).output
        #expect(try Project.text("docs/sts-milter.toml.5") == page, "make settings-example")
    }

    @Test(
        "exit codes",
        arguments: [
            ("all", 0, ["config", "example"]), ("all", 64, ["no-such-command"]),
            ("all", 78, ["config", "check", "-c", "/nonexistent"]), ("status", 69, ["status", "--no-config"]),
            ("all", 64, ["help", "no-such-command"]), ("all", 64, ["publish", "a.example", "--rua", "b@a.example"]),
            ("fleet", 78, ["fleet", "status", "--no-config"]), ("explain", 69, ["explain", "4Fabc123", "--no-config"]),
            ("policy", 69, ["policy", "list", "--no-config"]),
            ("status --check", 2, ["status", "--check", "--no-config"]),
            ("report", 1, ["report", "show", "/nonexistent"]),
            ("intake", 1, ["intake", "--from", "tlsrpt", "--no-config", "/nonexistent"]),
            ("check-mta", 2, ["check-mta", "sendmail", "--no-config", "--cf", "/nonexistent"]),
        ])
    func exitCodes(_ command: String, _ code: Int, _ arguments: [String]) throws {
        let result = try Project.run(nil, arguments)
        #expect(result.status == code, "\(result)")
        let rows = try MarkdownPage(Self.reference).rows(below: "Exit codes")
        #expect(
            rows.contains { $0[0] == "\(code)" && ($0[1] == command || $0[1].contains("`\(command)`")) },
            "no row for \(code) of \(command)")
        #expect(try Project.text("docs/sts-milter.8").contains(".It \(code)\n"))
    }

    @Test("output that cannot be written is no success")
    func fullDisk() throws {
        // By one write in the end, and by several.
        for (arguments, cause) in [("help status", ": No space left on device"), ("config example", "")] {
            let result = try Project.run("/bin/sh", ["-c", "'\(Project.program())' \(arguments) >/dev/full"])
            #expect(result.status == 74, "\(arguments)")
            #expect(result.errors == "sts-milter: standard output cannot be written\(cause)\n")
        }
        // A reader that has had enough is no fault.
        let head = try Project.run("/bin/sh", ["-c", "'\(Project.program())' config example | head -n 1"])
        #expect(head.status == 0 && head.errors.isEmpty)
        let deaf = try "trap '' PIPE; { sleep 1; '\(Project.program())' config example; } | true"
        #expect(try Project.run("/bin/sh", ["-c", deaf]).errors.isEmpty)
    }

    @Test(
        "a command that is misspelt, or that others have, is answered by the one that is meant",
        arguments: [
            (["statu"], "sts-milter status"), (["reload"], "systemctl reload sts-milter"),
            (["start"], "sts-milter serve"),
            (["policy", "lst"], "sts-milter policy list"),
            (["setup", "postfx", "--apply"], "sts-milter setup postfix"),
            (["help", "chek"], "sts-milter check"), (["version"], "sts-milter --version"),
        ])
    func hints(_ arguments: [String], _ hint: String) throws {
        let result = try Project.run(nil, arguments)
        #expect(result.status == 64 && result.errors.contains("did you mean: "), "\(result)")
        #expect(result.errors.contains(hint), "\(result)")
    }

    @Test(
        "an address in the place of a domain or of a URI is answered by what to write",
        arguments: [
            (["check", "user@example.org"], "give the part behind the @: example.org"),
            (["policy", "show", "user@example.org"], "give the part behind the @: example.org"),
            (["publish", "example.org", "--rua", "a@example.org"], "write mailto:a@example.org"),
            (["policy", "pin", "example.org", "--mx", "mx.example.org", "--until", "2020-01-01"], "is over"),
        ])
    func cures(_ arguments: [String], _ cure: String) throws {
        let result = try Project.run(nil, arguments)
        #expect(result.status == 64 && result.errors.contains(cure), "\(result)")
        #expect(!result.errors.contains("Usage: sts-milter <subcommand>"), "\(result)")
    }

    @Test("each exit code of the service is in the table")
    func serviceCodes() throws {
        let source = try #require(Project.sources.first { $0.code.contains("enum ExitCode") })
        let codes = try #require(source.body(of: "enum ExitCode")).matches(of: /=\ ([0-9]+)/).map { String($0.1) }
        #expect(codes.count > 3)
        let rows = Set(try MarkdownPage(Self.reference).rows(below: "Exit codes").map { $0[0] })
        #expect(Set(codes).isSubset(of: rows))
    }

    @Test("the packages that the pages tell to install are those that the build installs")
    func packages() throws {
        let packages = try Project.run(Project.root + "/Tests/lab/packages", ["build"]).output
        let wanted = Set(packages.split(separator: "\n").map(String.init))
        let page = try MarkdownPage("docs/manual/install.md")
        let block = try #require(page.blocks.first { $0.lines.first?.hasPrefix("apt install") == true })
        let quoted = block.lines.joined(separator: " ").replacing("\\", with: "").split(separator: " ").dropFirst(2)
        #expect(Set(quoted.map(String.init)) == wanted)
    }

    @Test("the words of verdicts, of actions and of what was seen of a host are the program's")
    func words() throws {
        for (page, heading, declaration) in [
            ("verdicts", "All verdicts", "enum VerdictWord"), ("verdicts", "Actions", "enum Decision"),
            ("commands", "`check`", "enum HostStatus"),
        ] {
            let page = try MarkdownPage("docs/manual/\(page).md")
            let words = Set(page.rows(below: heading).compactMap { MarkdownPage.spans($0[0]).first })
            let source = try #require(
                Project.sources.first { source in
                    source.body(of: declaration).map { source.literals(in: $0).contains { words.contains($0) } }
                        ?? false
                })
            let body = try #require(source.body(of: declaration))
            var said = Set(source.literals(in: body))
            // The values of an enumeration that are named as they are called.
            for one in body.matches(of: /case `?([a-z]+)`?\n/) { said.insert(String(one.1)) }
            #expect(words == said, "\(heading)")
        }
    }

    @Test("the bounds of memory add up")
    func memory() throws {
        let rows = try MarkdownPage("docs/manual/reference.md").rows(below: "Memory")
        let numbers = rows.compactMap { row in row[1].firstMatch(of: /([0-9]+) MiB/).flatMap { Int($0.1) } }
        let all = try #require(numbers.last)
        #expect(numbers.count > 5 && numbers.dropLast().reduce(0, +) == all)
        // What the page says in powers of ten.
        #expect(try #require(rows.last)[1].contains("\(Int((Double(all) * 1.048576).rounded())) MB"))
    }
}
