// SPDX-License-Identifier: Apache-2.0
import Basics
import Settings

/// Our side of a setup, the same for every MTA: keys that are not given yet, and how they come into the settings.
///
/// They go to `conf.d/setup.toml`, so that the file of the package stays as it came and an upgrade asks nothing. Only a
/// key that another file gives, and that must have another value, is changed where it stands.
struct SetupSettings {
    private static let fileName = "setup.toml"

    private let options: SetupOptions
    private let file: SettingsFile
    /// What the settings say now.
    let present: Settings
    private(set) var changes: [SetupPlan.Change] = []

    init(_ options: SetupOptions) throws(SettingsError) {
        self.options = options
        file = try SettingsFile(texts: options.settings)
        present = try Settings(file)
    }

    /// Setup's own file.
    private var ownFile: String { SettingsFile.folder(of: options.settingsFile) + "/" + Self.fileName }

    /// Gives a key its value unless it has one.
    mutating func give(_ key: String, _ value: String, _ reason: String) {
        if !file.gives(key) { change(key, value, reason) }
    }

    private mutating func change(_ key: String, _ value: String, _ reason: String) {
        changes.append(.init(file: file.file(giving: key) ?? ownFile, name: key, value: value, reason: reason))
    }

    /// A dry run at first, and mail that is held once that is asked for.
    mutating func giveViolations() {
        let key = "on_violation"
        if options.enforces {
            guard present.milter.onViolation == .log else { return }
            change(key, quotedText("defer"), "mail that would break a policy waits")
        } else {
            give(key, quotedText("log"), "a dry run: nothing is held back until setup --enforce")
        }
    }

    /// Who we are in reports.
    mutating func giveContact(_ domain: DomainName?) {
        guard let domain else { return }
        give("report.contact_info", quotedText("postmaster@\(domain)"), "whom receivers of reports may ask")
        give("report.organization_name", quotedText(domain.ascii), "who we are in reports")
    }

    /// How probes greet MX hosts; only a full name is one.
    mutating func giveHeloName(_ text: String, of mta: String) {
        guard let name = try? DomainName(text), name.labelCount > 1 else { return }
        give("network.helo_name", quotedText(name.ascii), "probes greet MX hosts as \(mta) does")
    }

    /// The settings files with all changes, and what they say then.
    /// - Throws: ``SetupError`` where a file is written in a way that setup cannot change.
    func applied() throws(SetupError) -> (files: [SetupPlan.File], settings: Settings) {
        var texts = options.settings
        for path in Set(changes.map(\.file)).sorted() {
            let index = texts.firstIndex { $0.name == path }
            var text = SettingsText(index.map { texts[$0].text } ?? Self.remark)
            for change in changes where change.file == path { text.set(change.name, to: change.value) }
            let changed = SettingsFile.Text(name: path, text: text.text)
            if let index { texts[index] = changed } else { texts.append(changed) }
        }
        do {
            let settings = try Settings(SettingsFile(texts: texts))
            for change in changes where !(try isGiven(change, in: texts)) {
                throw SetupError("\(change.name) is not where setup would write it")
            }
            let changed = texts.filter { !options.settings.contains($0) }
            return (changed.map { .init(path: $0.name, text: $0.text, reason: "settings") }, settings)
        } catch {
            throw SetupError(
                "\(options.settingsFile) cannot be changed by setup (\(error)): write these lines yourself, and run setup again:\n"
                    + changes.map { "\($0.name) = \($0.value)" }.joined(separator: "\n"))
        }
    }

    private static let remark = "# Made by \"sts-milter setup\", which takes it away again with --undo.\n"

    /// Whether a key stands there with this value, and not in some other table or text.
    private func isGiven(_ change: SetupPlan.Change, in texts: [SettingsFile.Text]) throws(SettingsError) -> Bool {
        guard let text = texts.first(where: { $0.name == change.file }),
            try SettingsFile(text: text.text, name: text.name).gives(change.name)
        else { return false }
        var again = SettingsText(text.text)
        again.set(change.name, to: change.value)
        return again.text == text.text
    }
}
