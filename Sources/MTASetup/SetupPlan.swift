// SPDX-License-Identifier: Apache-2.0
import MTACheck

/// What `sts-milter setup` would change, and why.
package struct SetupPlan: Sendable, Encodable {
    /// One key of our settings, or one parameter of the MTA.
    package struct Change: Sendable, Hashable, Encodable {
        package let name: String
        package let value: String
        package let reason: String
    }

    /// A file that setup writes as a whole.
    package struct File: Sendable, Hashable, Encodable {
        package let path: String
        package let text: String
        package let reason: String
    }

    package let settingsFile: String
    package var settings: [Change] = []
    /// The settings file with these changes.
    package var settingsText = ""
    package let mtaFile: String
    /// Parameters for `postconf -e`.
    package var parameters: [Change] = []
    package var files: [File] = []
    /// What `check-mta` still finds then, and setup does not touch.
    package var left: [Diagnostic] = []
    /// A map to ask, as `postmap -q` takes it, once all is done.
    package var map: String?

    /// Whether there is nothing to do.
    package var isEmpty: Bool { settings.isEmpty && parameters.isEmpty && files.isEmpty }

    /// The plan for a terminal, ending with a line feed.
    package var text: String {
        var lines: [String] = []
        func show(_ head: String, _ changes: [(String, String)]) {
            guard !changes.isEmpty else { return }
            lines.append(head)
            for (change, reason) in changes { lines += ["  # \(reason)", "  \(change)"] }
            lines.append("")
        }
        show("in \(settingsFile):", settings.map { ("\($0.name) = \($0.value)", $0.reason) })
        for file in files {
            lines.append("new file \(file.path):   # \(file.reason)")
            lines += file.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { "  \($0)" } + [""]
        }
        show("in \(mtaFile):", parameters.map { ("postconf -e '\($0.name) = \($0.value)'", $0.reason) })
        if isEmpty { lines += ["nothing to change", ""] }
        for finding in left {
            lines.append("left to you: \(finding.severity.rawValue) (\(finding.topic)): \(finding.text)")
            if let cure = finding.cure { lines += ["  in \(cure.file):"] + cure.lines.map { "    \($0)" } }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }
}

/// What is asked of setup.
package struct SetupOptions: Sendable {
    /// Whether mail is held from now on; else a violation is only logged.
    package var enforces: Bool
    package var settingsFile: String
    /// The text of the settings file; empty where there is none.
    package var settingsText: String
    package var machine: SetupMachine

    package init(enforces: Bool, settingsFile: String, settingsText: String, machine: SetupMachine) {
        self.enforces = enforces
        self.settingsFile = settingsFile
        self.settingsText = settingsText
        self.machine = machine
    }
}

/// What setup must know of the machine.
package struct SetupMachine: Sendable {
    /// The mail log that the system's logger writes; nil where there is only a journal.
    package var mailLog: String?
    /// Whether systemd runs the daemon, by our unit.
    package var hasSystemd: Bool

    package init(mailLog: String?, hasSystemd: Bool) {
        self.mailLog = mailLog
        self.hasSystemd = hasSystemd
    }
}

/// Why no plan can be made, with the cure.
package struct SetupError: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
