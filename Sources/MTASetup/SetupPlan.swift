// SPDX-License-Identifier: Apache-2.0
import MTACheck
import Settings

/// What `sts-milter setup` would change, and why.
package struct SetupPlan: Sendable, Encodable {
    /// One key of our settings, one parameter of Postfix, or one line of a sendmail.mc.
    package struct Change: Sendable, Hashable, Encodable {
        package let file: String
        /// Empty for a line without a name.
        package let name: String
        package let value: String
        package let reason: String

        /// As it is written there, or told to `postconf -e`.
        var line: String { name.isEmpty ? value : "\(name) = \(value)" }
    }

    /// A file that setup writes as a whole.
    package struct File: Sendable, Hashable, Encodable {
        package let path: String
        package let text: String
        package let reason: String
    }

    /// Longest file that is shown whole, in lines.
    private static let maxShownLines = 12

    /// Keys of our settings.
    package var settings: [Change] = []
    /// The settings files with these keys.
    package var settingsFiles: [File] = []
    /// New files, and those that get another text.
    package var files: [File] = []
    /// Parameters for `postconf -e`, or lines of sendmail.mc.
    package var mta: [Change] = []
    /// The command of the Postfix that is meant.
    package var postconf = "postconf"
    /// Maps of other programs that judged by MTA-STS, and that are asked no longer.
    package var replaces: [String] = []
    /// All tables that Postfix asks before a delivery then, as `postmap -q` takes them.
    package var tables: [String] = []
    /// The MTA's own files that setup writes as a whole: once sts-milter serves.
    package var mtaFiles: [File] = []
    /// What the administrator has to know beside it.
    package var remarks: [String] = []
    /// What `check-mta` still finds then, and setup does not touch.
    package var left: [Diagnostic] = []
    /// A map to ask once all is done: as `postmap -q` takes it, or its name in sendmail.cf.
    package var map: String?

    /// Whether there is nothing to do.
    package var isEmpty: Bool { settings.isEmpty && mta.isEmpty && files.isEmpty && mtaFiles.isEmpty }

    /// The plan for a terminal, ending with a line feed.
    package var text: String {
        var lines: [String] = remarks.flatMap { [$0, ""] }
        func show(_ changes: [Change], _ shown: (Change) -> String) {
            for (index, change) in changes.enumerated() {
                if index == 0 || changes[index - 1].file != change.file { lines.append("in \(change.file):") }
                lines += ["  # \(change.reason)", "  \(shown(change))"]
                if index == changes.count - 1 || changes[index + 1].file != change.file { lines.append("") }
            }
        }
        show(settings, \.line)
        for file in files {
            lines.append("new file \(file.path):   # \(file.reason)")
            let shown = file.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            lines += shown.count > Self.maxShownLines ? ["  (\(shown.count) lines)"] : shown.map { "  \($0)" }
            lines.append("")
        }
        show(mta) { $0.name.isEmpty ? $0.line : "\(postconf) -e \(quoted($0.line))" }
        for map in replaces {
            lines += ["replaces: \(map) (another policy program; until --enforce nothing is enforced)", ""]
        }
        if isEmpty { lines += ["nothing to change", ""] }
        for finding in left {
            lines.append("left to you: \(finding.severity.rawValue) (\(finding.topic)): \(finding.text)")
            if let cure = finding.cure { lines += ["  in \(cure.file):"] + cure.lines.map { "    \($0)" } }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }
}

/// The text as one word of sh(1).
private func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }

/// What is asked of setup.
package struct SetupOptions: Sendable {
    /// Whether mail is held from now on; else a violation is only logged.
    package var enforces: Bool
    /// The settings file, whether it is there or not.
    package var settingsFile: String
    /// The texts that make up the settings, those of `conf.d` included.
    package var settings: [SettingsFile.Text]
    package var machine: SetupMachine

    package init(enforces: Bool, settingsFile: String, settings: [SettingsFile.Text], machine: SetupMachine) {
        self.enforces = enforces
        self.settingsFile = settingsFile
        self.settings = settings
        self.machine = machine
    }
}

/// What setup must know of the machine.
package struct SetupMachine: Sendable {
    /// The mail log that the system's logger writes; nil where there is only a journal.
    package var mailLog: String?
    /// Whether systemd runs the daemon, by our unit.
    package var hasSystemd: Bool
    /// The text of a file; nil where there is none.
    package var contents: @Sendable (_ path: String) -> String?

    package init(mailLog: String?, hasSystemd: Bool, contents: @escaping @Sendable (String) -> String? = { _ in nil }) {
        self.mailLog = mailLog
        self.hasSystemd = hasSystemd
        self.contents = contents
    }

    /// The files among these that are not there yet as they should be.
    func missing(_ files: [SetupPlan.File]) -> [SetupPlan.File] { files.filter { contents($0.path) != $0.text } }
}

/// Why no plan can be made, with the cure.
package struct SetupError: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
