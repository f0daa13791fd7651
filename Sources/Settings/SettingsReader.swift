// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Glibc
import Sockets

/// One of several tables of a name, such as `[[pin]]`.
package protocol SettingsBlock: SettingsTable {
    static var name: String { get }
    init()
}

/// Takes the values of a file where the declarations of their keys say, and gathers what is wrong with them.
struct SettingsReader {
    let file: SettingsFile
    private(set) var problems: [SettingsProblem]
    private(set) var warnings: [SettingsProblem] = []
    private(set) var obstacles: [SettingsProblem] = []

    init(_ file: SettingsFile) {
        self.file = file
        problems = file.problems
    }

    /// Reads the keys at the top of the file and in its tables; what it does not give stays as it is.
    mutating func read(into settings: inout Settings, blocks: Set<String>) {
        let tables = Set(Settings.keys.map(\.table))
        var values: [String: TOMLValue] = [:]
        for (name, value) in file.root {
            if case .table(let entries) = value, tables.contains(name) {
                for (key, value) in entries { values["\(name).\(key)"] = value }
            } else if blocks.contains(name) {
                if case .list = value { continue }
                problems.append(file.problem(name, "must be written [[\(name)]]"))
            } else {
                values[name] = value
            }
        }
        read(values, into: &settings)
    }

    /// Reads the blocks of a kind, in the order of the file, and hands over each with its place and whether it is good.
    mutating func blocks<Block: SettingsBlock>(_: Block.Type) -> [(
        block: Block, place: SettingsBlockPlace, isGood: Bool
    )] {
        var blocks: [(Block, SettingsBlockPlace, Bool)] = []
        for (index, values) in file.blocks(Block.name).enumerated() {
            let place = SettingsBlockPlace(name: Block.name, index: index)
            guard let values else {
                problems.append(file.problem(Block.name, "must be written [[\(Block.name)]]"))
                continue
            }
            var block = Block()
            let before = problems.count
            read(values, into: &block, in: place)
            blocks.append((block, place, problems.count == before))
        }
        return blocks
    }

    private mutating func read<Table: SettingsTable>(
        _ values: [String: TOMLValue], into table: inout Table, in block: SettingsBlockPlace? = nil
    ) {
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            guard let setting = Table.keys.first(where: { $0.key == key }) else {
                problems.append(file.problem(key, in: block, "unknown key; \(Self.cure(key, Table.keys.map(\.key)))"))
                continue
            }
            do throws(WrongValue) { try setting.read(value, into: &table) } catch {
                problems += error.texts.map { file.problem(key, in: block, $0) }
            }
        }
    }

    /// What to do about a key that there is not.
    private static func cure(_ key: String, _ known: [String]) -> String {
        let name = key.split(separator: ".").last.map(String.init) ?? key
        let dot = UInt8(ascii: ".")
        let near = known.filter { $0 == name || $0.hasSuffix("." + name) || editDistance($0, key) <= 2 }.sorted()
            // A key of no table that stands below a table's name belongs to that table.
            .map { key.utf8.contains(dot) && !$0.utf8.contains(dot) ? "\($0), above the first [table]" : $0 }
        return near.isEmpty
            ? "remove it, or see the example file for all keys" : "did you mean \(near.joined(separator: " or "))?"
    }

    // MARK: What only several keys together show

    /// Adds a problem with the value of a key.
    mutating func refuse<Table: SettingsTable>(
        _ path: PartialKeyPath<Table>, in block: SettingsBlockPlace? = nil, _ text: String
    ) {
        problems.append(file.problem(key(path), in: block, text))
    }

    /// Adds a problem with a block as a whole.
    mutating func refuse(_ block: SettingsBlockPlace, _ text: String) {
        problems.append(file.problem(block.name, in: block, text))
    }

    /// Adds what the administrator should know of a value although it is valid.
    mutating func warn<Table: SettingsTable>(
        _ path: PartialKeyPath<Table>, in block: SettingsBlockPlace? = nil, _ text: String
    ) {
        warnings.append(file.problem(key(path), in: block, text))
    }

    /// Adds what keeps a daemon from starting as things are, although the value is valid.
    mutating func obstruct<Table: SettingsTable>(_ path: PartialKeyPath<Table>, _ text: String) {
        obstacles.append(file.problem(key(path), text))
    }

    /// Adds an obstacle if a file that is named is not there. Whether it can be read depends on who reads it.
    mutating func obstructMissing<Table: SettingsTable>(_ path: PartialKeyPath<Table>, _ file: String) {
        guard has(path), file.hasPrefix("/"), access(file, F_OK) != 0, errno == ENOENT else { return }
        obstruct(path, "there is no file '\(printable(file))'")
    }

    /// Adds an obstacle if a file of authorities that can be read has none.
    mutating func obstructWithoutCertificate<Table: SettingsTable>(_ path: PartialKeyPath<Table>, _ file: String) {
        var status = stat()
        guard has(path), stat(file, &status) == 0 else { return }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            obstruct(path, "'\(printable(file))' is a directory: name a file of certificates in PEM form")
            return
        }
        guard let octets = try? RegularFile.read(file, limitBytes: Self.maxAuthoritiesOctets),
            !Self.pemCertificates.contains(where: { Data(octets).firstRange(of: Data($0.utf8)) != nil })
        else { return }
        obstruct(path, "'\(printable(file))' holds no certificate in PEM form")
    }

    /// Debian's has some 220,000; what is longer is left to the daemon to read.
    private static let maxAuthoritiesOctets = 16 << 20
    /// How certificates begin that OpenSSL takes.
    private static let pemCertificates = [
        "-----BEGIN CERTIFICATE-----", "-----BEGIN TRUSTED CERTIFICATE-----", "-----BEGIN X509 CERTIFICATE-----",
    ]

    /// Adds an obstacle if no database can be at a path.
    mutating func obstructStore<Table: SettingsTable>(_ path: PartialKeyPath<Table>, _ file: String) {
        var status = stat()
        guard has(path) else { return }
        if stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            obstruct(
                path,
                "'\(printable(file))' is a directory: name a file in it, such as \(printable(file))/sts-milter.sqlite")
        } else if let missing = Self.missingDirectory(of: file) {
            obstruct(path, "there is no directory '\(printable(missing))': make it, and give it to the daemon's user")
        }
    }

    /// Adds a warning if a socket cannot be put where it is to be: its directory may be made before the daemon starts.
    mutating func warnOfMissingDirectory<Table: SettingsTable>(
        _ path: PartialKeyPath<Table>, _ socket: ListenAddress?
    ) {
        guard has(path), case .unix(let file)? = socket, !file.hasPrefix("/run/"), !file.hasPrefix("/var/run/"),
            let missing = Self.missingDirectory(of: file)
        else { return }
        warn(path, "there is no directory '\(printable(missing))': make it, and give it to the daemon's user")
    }

    /// Adds a warning if something that is named is not there. Whether it can be used depends on who uses it.
    mutating func warnOfMissing<Table: SettingsTable>(_ path: PartialKeyPath<Table>, _ place: String) {
        guard has(path), place.hasPrefix("/"), access(place, F_OK) != 0, errno == ENOENT || errno == ENOTDIR else {
            return
        }
        warn(path, "there is no '\(printable(place))'")
    }

    /// The directory of a file if it is not there and the daemon does not make it.
    private static func missingDirectory(of file: String) -> String? {
        func parent(_ path: String) -> String { URL(fileURLWithPath: path).deletingLastPathComponent().path }
        let directory = parent(file)
        guard access(directory, F_OK) != 0, errno == ENOENT || errno == ENOTDIR else { return nil }
        return Settings.ownDirectories.contains(parent(directory)) ? nil : directory
    }

    /// Adds an obstacle if a socket is to be given to a group that is not there.
    mutating func obstructUnknownGroup<Table: SettingsTable>(_ path: PartialKeyPath<Table>, _ group: String?) {
        guard has(path), let group else { return }
        do throws(UnixSocketError) { _ = try UnixSocket.groupID(group) } catch {
            obstruct(path, "there is no group '\(printable(group))'")
        }
    }

    /// Whether the file gives a key, rightly or not.
    func has<Table: SettingsTable>(_ path: PartialKeyPath<Table>, in block: SettingsBlockPlace? = nil) -> Bool {
        file.has(key(path), in: block)
    }

    /// The key whose value goes to a place.
    private func key<Table: SettingsTable>(_ path: PartialKeyPath<Table>) -> String {
        guard let setting = Table.keys.first(where: { $0.goes(to: path) }) else {
            preconditionFailure("no key is declared that goes to \(path)")
        }
        return setting.key
    }
}
