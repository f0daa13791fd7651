// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Glibc

/// The files that setup changes, as they were before and as it left them, so that `--undo` restores them octet for octet.
///
/// Kept where root alone may write: what is put back here becomes the configuration of the MTA.
package struct SetupBackup: Sendable {
    package static let usualDirectory = "/var/backups/sts-milter"
    /// Largest file that is kept, in octets.
    private static let maxOctets = 16 << 20

    private struct Kept: Codable {
        let path: String
        /// Nil where there was no such file.
        let before: Data?
        /// Folders above it that were not there, the innermost first.
        let newFolders: [String]
        let modified: ModificationTime?
        /// Nil until setup has written it.
        var after: Data?
    }

    private struct Contents: Codable {
        /// Whose configuration it is, as `setup` calls it.
        let mta: String
        var files: [Kept]
    }

    private let directory: String
    private let mta: String

    /// - Parameter mta: as `setup` calls it, `postfix` or `sendmail`.
    package init(of mta: String, directory: String = usualDirectory) {
        self.mta = mta
        self.directory = directory
    }

    private var latest: String { directory + "/setup.json" }

    /// Whether a setup can be undone.
    package var exists: Bool { FileManager.default.fileExists(atPath: latest) }

    /// The configuration directories of all Postfixes whose main.cf is kept: several of one machine share the backup.
    package var postfixDirectories: [String] {
        get throws(SetupError) {
            try read().map(\.path).filter { $0.hasSuffix(Self.mainFile) }.map {
                String($0.dropLast(Self.mainFile.count))
            }
        }
    }

    private static let mainFile = "/main.cf"

    /// Keeps the files as they are now. Where an earlier setup is not undone its first state stays, so that undo goes back
    /// to before all of them.
    func keep(_ states: FileStates) throws(SetupError) {
        let manager = FileManager.default
        do {
            try manager.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw SetupError("\(directory) cannot be made: \(fileFailure(error))") }
        var kept = try read()
        for state in states.all where !kept.contains(where: { $0.path == state.path }) {
            kept.append(
                Kept(
                    path: state.path, before: state.contents, newFolders: state.newFolders, modified: state.modified,
                    after: nil))
        }
        try write(kept)
    }

    /// Notes the files as setup has left them.
    func noteWritten() throws(SetupError) {
        var kept = try read()
        for index in kept.indices { kept[index].after = try Self.contents(kept[index].path) }
        try write(kept)
    }

    /// Notes that a run has put its files back; where nothing is left of any setup, there is nothing to undo.
    func noteRestored() throws(SetupError) {
        try noteWritten()
        if try read().allSatisfy({ $0.after == $0.before }) { unlink(latest) }
    }

    /// Puts all files back.
    /// - Parameter force: also those that somebody has changed since.
    /// - Returns: the files that were put back.
    package func undo(force: Bool = false) throws(SetupError) -> [String] {
        let kept = try read()
        guard !kept.isEmpty else { throw SetupError("there is no setup to undo in \(directory)") }
        var changed: [String] = []
        for file in kept {
            let now = try Self.contents(file.path)
            if now == file.before { continue }
            if !force, let after = file.after, now != after { changed.append(file.path) }
        }
        guard changed.isEmpty else {
            throw SetupError(
                "changed since setup wrote it: \(changed.joined(separator: ", ")); nothing was put back: undo those changes first, or use --force to lose them"
            )
        }
        let restored = try FileStates(
            kept.map {
                FileStates.State(path: $0.path, contents: $0.before, newFolders: $0.newFolders, modified: $0.modified)
            }
        ).restore()
        do { try FileManager.default.removeItem(atPath: latest) } catch {
            throw SetupError("\(latest) cannot be removed: \(fileFailure(error))")
        }
        // Nothing is left of a setup, the place of its files neither.
        rmdir(directory)
        return restored
    }

    private func read() throws(SetupError) -> [Kept] {
        guard exists else { return [] }
        let contents: Contents
        do {
            contents = try JSONDecoder().decode(Contents.self, from: Data(contentsOf: URL(fileURLWithPath: latest)))
        } catch { throw SetupError("\(latest) cannot be read: \(fileFailure(error))") }
        guard contents.mta == mta else {
            throw SetupError(
                "this machine is set up for \(contents.mta): sts-milter setup \(contents.mta) --undo comes first")
        }
        return contents.files
    }

    private func write(_ kept: [Kept]) throws(SetupError) {
        let data: Data
        do { data = try JSONEncoder().encode(Contents(mta: mta, files: kept)) } catch {
            throw SetupError("\(latest): \(printable("\(error)"))")
        }
        try Self.replace(latest, by: data, mode: 0o600)
    }

    static func contents(_ path: String) throws(SetupError) -> Data? {
        do { return Data(try RegularFile.read(path, limitBytes: maxOctets)) } catch {
            switch error {
            case .system(ENOENT), .system(ENOTDIR): return nil
            case .tooLong: throw SetupError("\(path) is larger than \(maxOctets) octets")
            case .notRegular, .untrusted, .system: throw SetupError("\(path) cannot be read: \(error)")
            }
        }
    }

    /// Writes a file as a whole, with the owner and the mode that it has; never a half. A link stays what it is: the file
    /// behind it is replaced.
    /// - Parameter mode: of a file that is not there yet.
    static func replace(_ path: String, by data: Data, mode: mode_t = 0o644) throws(SetupError) {
        var status = stat()
        let isThere = stat(path, &status) == 0
        do {
            // Closed to others until it has its owner.
            try RegularFile.replace(path, with: Array(data), mode: 0o600) { file in
                if isThere, fchown(file, status.st_uid, status.st_gid) != 0 { return false }
                return fchmod(file, isThere ? status.st_mode & 0o7777 : mode) == 0
            }
        } catch { throw SetupError("\(path) cannot be written: \(error)") }
    }
}
