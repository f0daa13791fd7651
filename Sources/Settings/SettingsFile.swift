// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials

/// A settings file as read: TOML, and the lines of its keys. What the keys mean is for ``SettingsReader``.
package struct SettingsFile: Sendable {
    /// Largest file read, in bytes.
    private static let limitBytes = 1 << 20
    /// What `[[pin]]` was called before; it could not stand beside the table `[policy]`.
    private static let oldPinName = "policy"

    package let name: String
    /// The keys and tables at the top of the file.
    let root: [String: TOMLValue]
    /// What is wrong whatever the keys mean.
    let problems: [SettingsProblem]
    private let lines: SettingsLines

    /// Reads the file at `path`.
    package init(path: String) throws(SettingsError) {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw SettingsError(problems: [
                SettingsProblem(
                    file: path, line: 0,
                    text: "cannot be read; name another with --config, or create it (all keys are optional)")
            ])
        }
        guard bytes.count <= Self.limitBytes else {
            throw SettingsError(problems: [
                SettingsProblem(file: path, line: 0, text: "is larger than \(Self.limitBytes) bytes")
            ])
        }
        try self.init(text: String(decoding: bytes, as: UTF8.self), name: path)
    }

    /// Reads settings from a text; `name` stands for the file in problems.
    package init(text: String, name: String) throws(SettingsError) {
        let lines = SettingsLines(text)
        let oldPins = lines.lines(ofBlocks: Self.oldPinName).map { line in
            SettingsProblem(file: name, line: line, text: "[[policy]] is now called [[pin]]; write [[pin]] instead")
        }
        var root: [String: TOMLValue]
        do throws(TOMLFault) { root = try TOMLValue.file(text) } catch {
            // TOML lets no [[policy]] stand beside [policy], and its error does not name the cure.
            guard oldPins.isEmpty else { throw SettingsError(problems: oldPins) }
            throw SettingsError(problems: [
                SettingsProblem(file: name, line: error.line, text: "not TOML: \(printable(error.text))")
            ])
        }
        if case .list = root[Self.oldPinName] {
            root[Self.oldPinName] = nil
            problems = oldPins
        } else {
            problems = []
        }
        self.name = name
        self.root = root
        self.lines = lines
    }

    /// The tables of the blocks of a name, in the order of the file; nil stands for what is not a table.
    func blocks(_ name: String) -> [[String: TOMLValue]?] {
        guard case .list(let items) = root[name] else { return [] }
        return items.map { if case .table(let values) = $0 { values } else { nil } }
    }

    /// Whether a key is given, rightly or not.
    func has(_ key: String, in block: SettingsBlockPlace? = nil) -> Bool {
        if let block { return blocks(block.name)[block.index]?[key] != nil }
        let parts = key.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return root[key] != nil }
        if case .table(let values) = root[parts[0]] { return values[parts[1]] != nil }
        return false
    }

    /// Whether a key outside of blocks is given, rightly or not.
    package func gives(_ key: String) -> Bool { has(key) }

    /// A problem with a key.
    func problem(_ key: String, in block: SettingsBlockPlace? = nil, _ text: String) -> SettingsProblem {
        SettingsProblem(
            file: name, line: lines.line(of: key, in: block), text: "\(printable(key, limit: 60)): \(text)")
    }
}
