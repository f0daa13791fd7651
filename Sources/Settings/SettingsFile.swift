// SPDX-License-Identifier: Apache-2.0
import Basics

/// The settings as read, TOML with the lines of its keys: one file, or one and those of its `conf.d`. What the keys mean
/// is for ``SettingsReader``.
///
/// Files of `conf.d` add to the first one. No key may stand in two of them: which one counts would be a matter of their
/// order, and an administrator who changes the other would wonder. Blocks such as `[[rule]]` may, and come one behind the
/// other in the order of the files.
package struct SettingsFile: Sendable {
    /// What the first file is called in problems.
    package var name: String { parts[0].name }
    /// The keys and tables at the top of the files.
    let root: [String: TOMLValue]
    /// What is wrong whatever the keys mean.
    let problems: [SettingsProblem]
    private let parts: [SettingsPart]

    /// Reads the file at `path` and those of its `conf.d`.
    /// - Parameter mayBeMissing: whether there need be no file at `path`.
    package init(path: String, mayBeMissing: Bool = false) throws(SettingsError) {
        try self.init(texts: SettingsPart.texts(path: path, mayBeMissing: mayBeMissing))
    }

    /// The folder beside a settings file whose `*.toml` are read after it, `conf.d`.
    package static func folder(of path: String) -> String { SettingsPart.folder(of: path) }

    /// The texts that make up the settings of a file.
    package static func texts(path: String, mayBeMissing: Bool) throws(SettingsError) -> [Text] {
        try SettingsPart.texts(path: path, mayBeMissing: mayBeMissing)
    }

    /// Reads settings from a text; `name` stands for the file in problems.
    package init(text: String, name: String) throws(SettingsError) {
        try self.init(texts: [Text(name: name, text: text)])
    }

    /// Reads settings from several texts, of which there must be one at least.
    package init(texts: [Text]) throws(SettingsError) {
        precondition(!texts.isEmpty, "settings of no file")
        var parts: [SettingsPart] = []
        for text in texts { parts.append(try SettingsPart(text)) }
        var root: [String: TOMLValue] = [:]
        var problems = parts.flatMap(\.problems)
        for (index, part) in parts.enumerated() {
            let before = parts[..<index]
            func isTwice(_ key: String) {
                guard let first = before.first(where: { $0.gives(key) }) else { return }
                problems.append(
                    part.problem(key, "stands at \(first.name):\(first.line(of: key)), too; take one of them out"))
            }
            for (key, value) in part.root.sorted(by: { $0.key < $1.key }) {
                switch (root[key], value) {
                case (nil, _): root[key] = value
                case (.table(let old)?, .table(let new)):
                    for inner in new.keys.sorted() where old[inner] != nil { isTwice("\(key).\(inner)") }
                    root[key] = .table(old.merging(new) { first, _ in first })
                case (.list(let old)?, .list(let new)) where areBlocks(old) && areBlocks(new):
                    root[key] = .list(old + new)
                case (_?, _): isTwice(key)
                }
            }
        }
        self.parts = parts
        self.root = root
        self.problems = problems
    }

    /// The tables of the blocks of a name, in the order of the files; nil stands for what is not a table.
    func blocks(_ name: String) -> [[String: TOMLValue]?] {
        guard case .list(let items) = root[name] else { return [] }
        return items.map { if case .table(let values) = $0 { values } else { nil } }
    }

    /// Whether a key is given, rightly or not.
    func has(_ key: String, in block: SettingsBlockPlace? = nil) -> Bool {
        if let block { return blocks(block.name)[block.index]?[key] != nil }
        return parts.contains { $0.gives(key) }
    }

    /// Whether a key outside of blocks is given, rightly or not.
    package func gives(_ key: String) -> Bool { has(key) }

    /// The file that gives a key outside of blocks; nil if none does.
    package func file(giving key: String) -> String? { parts.first { $0.gives(key) }?.name }

    /// A problem with a key.
    func problem(_ key: String, in block: SettingsBlockPlace? = nil, _ text: String) -> SettingsProblem {
        guard var block else { return (parts.first { $0.gives(key) } ?? parts[0]).problem(key, text) }
        for part in parts {
            let count = part.count(of: block.name)
            if block.index < count { return part.problem(key, in: block, text) }
            block = SettingsBlockPlace(name: block.name, index: block.index - count)
        }
        return parts[0].problem(key, text)
    }
}

/// Whether a list is one of tables, as `[[rule]]` makes it.
private func areBlocks(_ items: [TOMLValue]) -> Bool {
    items.allSatisfy { if case .table = $0 { true } else { false } }
}
