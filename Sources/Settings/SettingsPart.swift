// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Glibc

extension SettingsFile {
    /// The text of one file, with the name that problems have of it.
    package struct Text: Sendable, Hashable {
        package let name: String
        package let text: String

        package init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }
}

/// One file of the settings.
struct SettingsPart: Sendable {
    /// Largest file read, in bytes.
    private static let limitBytes = 1 << 20
    /// What `[[pin]]` was called before; it could not stand beside the table `[policy]`.
    private static let oldPinName = "policy"

    let name: String
    let root: [String: TOMLValue]
    let problems: [SettingsProblem]
    private let lines: SettingsLines

    init(_ file: SettingsFile.Text) throws(SettingsError) {
        let lines = SettingsLines(file.text)
        let oldPins = lines.lines(ofBlocks: Self.oldPinName).map { line in
            SettingsProblem(
                file: file.name, line: line, text: "[[policy]] is now called [[pin]]; write [[pin]] instead")
        }
        var root: [String: TOMLValue]
        do throws(TOMLFault) { root = try TOMLValue.file(file.text) } catch {
            // TOML lets no [[policy]] stand beside [policy], and its error does not name the cure.
            guard oldPins.isEmpty else { throw SettingsError(problems: oldPins) }
            throw SettingsError(problems: [
                SettingsProblem(file: file.name, line: error.line, text: "not TOML: \(printable(error.text))")
            ])
        }
        if case .list = root[Self.oldPinName] {
            root[Self.oldPinName] = nil
            problems = oldPins
        } else {
            problems = []
        }
        name = file.name
        self.root = root
        self.lines = lines
    }

    /// Whether a key outside of blocks is given, rightly or not.
    func gives(_ key: String) -> Bool {
        let parts = key.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return root[key] != nil }
        if case .table(let values) = root[parts[0]] { return values[parts[1]] != nil }
        return false
    }

    /// How many blocks of a name there are.
    func count(of block: String) -> Int { if case .list(let items) = root[block] { items.count } else { 0 } }

    func line(of key: String) -> Int { lines.line(of: key, in: nil) }

    func problem(_ key: String, in block: SettingsBlockPlace? = nil, _ text: String) -> SettingsProblem {
        SettingsProblem(
            file: name, line: lines.line(of: key, in: block), text: "\(printable(key, limit: 60)): \(text)")
    }

    // MARK: Files

    /// The folder beside a settings file whose `*.toml` are read after it.
    static func folder(of path: String) -> String {
        URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("conf.d").path
    }

    /// The texts of a settings file and of those in its `conf.d`, in the order of their names.
    static func texts(path: String, mayBeMissing: Bool) throws(SettingsError) -> [SettingsFile.Text] {
        var texts: [SettingsFile.Text] = []
        let manager = FileManager.default
        if !mayBeMissing || manager.fileExists(atPath: path) {
            texts.append(
                try read(path, "cannot be read; name another with --config, or create it (all keys are optional)"))
        }
        let folder = folder(of: path)
        var isFolder = stat()
        if stat(folder, &isFolder) == 0, isFolder.st_mode & S_IFMT == S_IFDIR {
            guard isClosed(isFolder, beside: path) else {
                throw failure(folder, "must belong to root or to the owner of \(path), and must not be writable by all")
            }
            let names: [String]
            do { names = try manager.contentsOfDirectory(atPath: folder) } catch {
                throw failure(folder, "cannot be read: \(fileFailure(error))")
            }
            for name in names.sorted() where name.hasSuffix(".toml") && !name.hasPrefix(".") {
                texts.append(
                    try read("\(folder)/\(name)", "cannot be read; let the daemon's user read it, or remove it"))
            }
        }
        return texts.isEmpty ? [SettingsFile.Text(name: "defaults", text: "")] : texts
    }

    /// Whether only those may write to a folder who decide about the settings anyway: a settings file may lie where
    /// anybody makes folders.
    private static func isClosed(_ folder: stat, beside path: String) -> Bool {
        var file = stat()
        let owner = stat(path, &file) == 0 ? file.st_uid : geteuid()
        return [0, owner].contains(folder.st_uid) && folder.st_mode & S_IWOTH == 0
    }

    private static func failure(_ file: String, _ text: String) -> SettingsError {
        SettingsError(problems: [SettingsProblem(file: file, line: 0, text: text)])
    }

    private static func read(_ path: String, _ failure: String) throws(SettingsError) -> SettingsFile.Text {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw self.failure(path, failure)
        }
        guard bytes.count <= limitBytes else {
            throw self.failure(path, "is larger than \(limitBytes) bytes")
        }
        return SettingsFile.Text(name: path, text: String(decoding: bytes, as: UTF8.self))
    }
}
