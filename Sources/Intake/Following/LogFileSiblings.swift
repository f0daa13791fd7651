// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The files that a log leaves in its directory when it is rotated, compressed ones aside.
struct LogFileSiblings {
    /// Names looked at in the directory: more than any /var/log has.
    static let maxNames = 20_000

    private let directory: String
    private let name: String

    /// - Parameter path: the log as it is set; if that is a link, the files are where it leads.
    init(of path: String) {
        let path = Self.resolved(path) ?? path
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
            directory = String(path[...slash])
            name = String(path[path.utf8.index(after: slash)...])
        } else {
            directory = "./"
            name = path
        }
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The file in which the mark was made, under whatever name, or else a copy of it.
    func file(of mark: LogFileMark) -> LogFile? {
        let entries = entries
        for entry in entries where entry.inode == mark.inode {
            guard let file = open(entry.name), file.device == mark.device, file.continues(mark) else { continue }
            return file
        }
        for entry in entries where isRotated(entry.name) {
            if let file = open(entry.name), file.continues(mark) { return file }
        }
        return nil
    }

    /// The rotated file that was written to next after `file`, other than `current`.
    func successor(of file: LogFile, before current: LogFile?) -> LogFile? {
        let end = file.modified
        var found: (file: LogFile, modified: Int64)?
        for entry in entries where isRotated(entry.name) {
            guard let candidate = open(entry.name), candidate.size > 0 else { continue }
            if candidate.isSameFile(as: file) || current.map(candidate.isSameFile(as:)) == true { continue }
            let modified = candidate.modified
            guard modified > end, modified < found?.modified ?? .max else { continue }
            found = (candidate, modified)
        }
        return found?.file
    }

    /// Whether the name is the log's with a number or a day put in: `mail.log.1`, `mail.log-20261126`, `mail.1.log`.
    func isRotated(_ other: String) -> Bool {
        let (own, other) = (Array(name.utf8), Array(other.utf8))
        guard other.count > own.count else { return false }
        let shared = zip(own, other).prefix { $0 == $1 }.count
        let inserted = other[shared..<shared + other.count - own.count]
        guard other[(shared + inserted.count)...] == own[shared...] else { return false }
        return inserted.contains(where: isDigit) && inserted.allSatisfy { isDigit($0) || $0 == 0x2D || $0 == 0x2E }
    }

    private func open(_ name: String) -> LogFile? { try? LogFile(directory + name, followsLinks: false) }

    private var entries: [(name: String, inode: UInt64)] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var entries: [(name: String, inode: UInt64)] = []
        while entries.count < Self.maxNames, let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
            }
            entries.append((name, UInt64(entry.pointee.d_ino)))
        }
        return entries
    }
}

private func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }
