// SPDX-License-Identifier: Apache-2.0
import Basics
import Settings
import Testing
@testable import MTASetup

@Suite("A settings file in which single keys are changed")
struct SettingsTextTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let before: String
        let key: String
        let after: String
        var testDescription: String { "\(key) in \(before.debugDescription)" }
    }

    static let rows: [Row] = [
        Row(before: "", key: "milter.socket", after: "\n[milter]\nsocket = 1\n"),
        Row(before: "", key: "on_violation", after: "on_violation = 1\n"),
        Row(before: "on_violation = 2\n", key: "on_violation", after: "on_violation = 1\n"),
        Row(before: "  on_violation=2 # why\nx = 3\n", key: "on_violation", after: "on_violation = 1\nx = 3\n"),
        // Below the example, not in place of it.
        Row(
            before: "# What.\n#on_violation = \"defer\"\n\n#on_unknown = \"accept\"\n", key: "on_violation",
            after: "# What.\n#on_violation = \"defer\"\non_violation = 1\n\n#on_unknown = \"accept\"\n"),
        // Of its own table, and of no other.
        Row(
            before: "[a]\nsocket = 2\n[milter]\n#socket = 3\n[b]\n#socket = 4\n", key: "milter.socket",
            after: "[a]\nsocket = 2\n[milter]\n#socket = 3\nsocket = 1\n[b]\n#socket = 4\n"),
        Row(
            before: "[ milter ] # ours\nsocket_mode = 2", key: "milter.socket",
            after: "[ milter ] # ours\nsocket = 1\nsocket_mode = 2"),
        Row(
            before: "[[rule]]\nexempt = true\n", key: "on_violation",
            after: "on_violation = 1\n[[rule]]\nexempt = true\n"),
        Row(
            before: "[[rule]]\nexempt = true", key: "milter.socket",
            after: "[[rule]]\nexempt = true\n\n[milter]\nsocket = 1\n"),
    ]

    @Test("has the key once, where it belongs, and all else as it was", arguments: rows)
    func set(_ row: Row) {
        var text = SettingsText(row.before)
        text.set(row.key, to: "1")
        #expect(text.text == row.after)
        text.set(row.key, to: "1")
        #expect(text.text == row.after)
    }

    @Test("keeps every line of the example, and is read as meant")
    func example() throws {
        let example = exampleSettings()
        var text = SettingsText(example)
        for key in ["milter.socket", "policy_map.socket"] { text.set(key, to: quotedText("unix:/x/\(key)")) }
        let lines = text.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.filter { $0.hasPrefix("socket = ") }.count == 2)
        #expect(lines.filter { !$0.hasPrefix("socket = ") }.joined(separator: "\n") == example)
        let settings = try Settings(SettingsFile(text: text.text, name: "test"))
        #expect(settings.milter.socket == .unix(path: "/x/milter.socket"))
        #expect(settings.policyMap?.socket == .unix(path: "/x/policy_map.socket"))
    }

    @Test("quotes what TOML would read otherwise")
    func quoting() throws {
        let odd = "a\"b\\c\u{1}\td"
        let file = try SettingsFile(text: "report.organization_name = \(quotedText(odd))\n", name: "test")
        #expect(file.gives("report.organization_name"))
        #expect(quotedText(odd) == "\"a\\\"b\\\\c\\u0001\\u0009d\"")
    }
}
