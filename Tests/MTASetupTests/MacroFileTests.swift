// SPDX-License-Identifier: Apache-2.0
import Testing
@testable import MTASetup

@Suite("A sendmail.mc to which lines are added")
struct MacroFileTests {
    private static let begin =
        "dnl # Lines of \"sts-milter setup sendmail\", down to \"end\"; with --undo it takes them away again.\n"
    private static let end = "dnl # end of the lines of sts-milter setup\n"
    private static let off = "dnl # off by sts-milter setup: "
    private static let filter = "INPUT_MAIL_FILTER(`sts-milter', `S=local:/a, F=T')dnl"
    private static let feature = "FEATURE(`sts_milter', `local:/b')dnl"

    struct Row: Sendable, CustomTestStringConvertible {
        let what: String
        let before: String
        let lines: [String]
        let after: String
        var testDescription: String { what }
    }

    static let rows: [Row] = [
        Row(
            what: "before the first mailer", before: "OSTYPE(`debian')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n",
            lines: [filter, feature],
            after: "OSTYPE(`debian')dnl\n\(begin)\(filter)\n\(feature)\n\(end)MAILER(`local')dnl\nMAILER(`smtp')dnl\n"),
        Row(
            what: "before what must come last", before: "LOCAL_CONFIG\nO X=1\nMAILER_DEFINITIONS\nMAILER(`smtp')dnl\n",
            lines: [filter],
            after: "\(begin)\(filter)\n\(end)LOCAL_CONFIG\nO X=1\nMAILER_DEFINITIONS\nMAILER(`smtp')dnl\n"),
        Row(
            what: "in place of ours",
            before: "\(begin)INPUT_MAIL_FILTER(`sts-milter', `S=local:/old')dnl\n\(end)MAILER(`smtp')dnl\n",
            lines: [filter], after: "\(begin)\(filter)\n\(end)MAILER(`smtp')dnl\n"),
        Row(
            what: "the site's own line for the same makes way, others stay",
            before:
                "  INPUT_MAIL_FILTER(sts-milter, `S=local:/old')\nINPUT_MAIL_FILTER(`clam', `S=local:/c')dnl\nFEATURE( `sts', `x')dnl\nMAILER(`smtp')dnl\n",
            lines: [filter, feature],
            after:
                "\(off)  INPUT_MAIL_FILTER(sts-milter, `S=local:/old')\nINPUT_MAIL_FILTER(`clam', `S=local:/c')dnl\n\(off)FEATURE( `sts', `x')dnl\n\(begin)\(filter)\n\(feature)\n\(end)MAILER(`smtp')dnl\n"
        ),
        Row(
            what: "a remark is none of it",
            before: "dnl FEATURE(`sts')\n#INPUT_MAIL_FILTER(`sts-milter', `')\nMAILER(`smtp')\n",
            lines: [feature],
            after:
                "dnl FEATURE(`sts')\n#INPUT_MAIL_FILTER(`sts-milter', `')\n\(begin)\(feature)\n\(end)MAILER(`smtp')\n"),
    ]

    @Test("has them where they belong", arguments: rows)
    func set(_ row: Row) throws {
        var file = MacroFile(row.before)
        // The second time nothing changes.
        for _ in 1...2 {
            for line in row.lines { try file.set(line) }
            #expect(file.text == row.after)
        }
    }

    @Test(
        "is not changed where that could break it",
        arguments: [
            "OSTYPE(`debian')dnl\n", "define(`confCACERT',dnl\n`/x')dnl\nMAILER(`smtp')dnl\n",
            "\(begin)MAILER(`smtp')dnl\n",
        ])
    func refused(_ text: String) {
        var file = MacroFile(text)
        #expect(throws: SetupError.self) { try file.set("define(`confCACERT', `/y')dnl") }
    }

    @Test("says where Sendmail's macros lie")
    func folder() {
        let text = "divert(0)dnl\ninclude(`/usr/share/sendmail/cf/m4/cf.m4')dnl\n"
        #expect(MacroFile(text).macroFolder == "/usr/share/sendmail/cf")
        #expect(MacroFile("MAILER(`smtp')\n").macroFolder == nil)
    }
}
