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
            let text = Self.cure(error, lines) ?? "not TOML: \(printable(error.text))"
            throw SettingsError(problems: [SettingsProblem(file: file.name, line: error.line, text: text)])
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

    /// What to do about a table that is written twice, as snippets below a file are; nil for another fault.
    private static func cure(_ fault: TOMLFault, _ lines: SettingsLines) -> String? {
        guard let start = fault.text.firstRange(of: "cannot redefine existing table '")?.upperBound,
            let end = fault.text[start...].firstIndex(of: "'")
        else { return nil }
        let table = String(fault.text[start..<end])
        let first = lines.line(of: table, in: nil)
        guard first > 0, first < fault.line else { return nil }
        return
            "[\(printable(table, limit: 60))] stands at line \(first) already: put the key below it, or into a file of conf.d"
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
        let table = block.map { $0.name == key ? "" : "\($0.name)." } ?? ""
        return SettingsProblem(
            file: name, line: lines.line(of: key, in: block), text: "\(table)\(printable(key, limit: 60)): \(text)")
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
                try read(path, ifMissing: "name another with --config, or create it (all keys are optional)"))
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
                texts.append(try read("\(folder)/\(name)", ifMissing: "make what it links to, or remove it"))
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

    /// Why a file cannot be read, in the system's words, and what to do; nil where the system says nothing.
    private static func unreadable(_ path: String, _ cure: String) -> String? {
        var status = stat()
        let found = stat(path, &status)
        let code =
            found != 0 ? errno : status.st_mode & S_IFMT == S_IFDIR ? EISDIR : access(path, R_OK) != 0 ? errno : 0
        guard code != 0 else { return nil }
        let next =
            switch code {
            case ENOENT: cure
            case EACCES, EPERM: "run it as root or as the daemon's user, who must be able to read it"
            default: "name a file"
            }
        return "cannot be read (\(String(cString: strerror(code)))): \(next)"
    }

    private static func failure(_ file: String, _ text: String) -> SettingsError {
        SettingsError(problems: [SettingsProblem(file: file, line: 0, text: text)])
    }

    /// - Parameter cure: what to do where there is no such file.
    private static func read(_ path: String, ifMissing cure: String) throws(SettingsError) -> SettingsFile.Text {
        let bytes: Data
        do { bytes = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw failure(path, Self.unreadable(path, cure) ?? "cannot be read: \(fileFailure(error))")
        }
        guard bytes.count <= limitBytes else {
            throw self.failure(path, "is larger than \(limitBytes) bytes")
        }
        return SettingsFile.Text(name: path, text: String(decoding: bytes, as: UTF8.self))
    }
}
