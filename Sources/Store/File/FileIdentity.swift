// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Which file lies at a path, and how long it is.
struct FileIdentity: Sendable, Hashable {
    /// Whether it is certain that no file lies at the path: not where the file system fails to say.
    static func isAbsent(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR)
    }

    let device: UInt64
    let inode: UInt64
    let octets: Int

    /// The file at the path; nil if there is none, or if it cannot be seen.
    ///
    /// Nothing is opened: closing a second descriptor of a database would drop SQLite's locks on it.
    init?(at path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        octets = Int(status.st_size)
    }

    func isSameFile(as other: FileIdentity?) -> Bool { device == other?.device && inode == other?.inode }
}

/// What SQLite keeps of a database: the file, the write-ahead log and its index.
struct DatabaseFiles: Sendable {
    private static let sideEndings = ["-wal", "-shm"]

    let main: FileIdentity?
    /// By the end of the name.
    let side: [String: FileIdentity]

    init(at path: String) {
        main = FileIdentity(at: path)
        var side: [String: FileIdentity] = [:]
        for ending in Self.sideEndings { side[ending] = FileIdentity(at: path + ending) }
        self.side = side
    }

    /// Whether all that was there still is, under its own name.
    func areAll(in now: DatabaseFiles) -> Bool {
        guard let main, main.isSameFile(as: now.main) else { return false }
        return side.allSatisfy { $1.isSameFile(as: now.side[$0]) }
    }

    /// Removes the log and index that belong to these files: beside another database they would spoil it.
    func removeSideFiles(at path: String) {
        for (ending, file) in side where file.isSameFile(as: FileIdentity(at: path + ending)) { unlink(path + ending) }
    }
}
