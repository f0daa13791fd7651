// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Glibc

/// A pause as it is kept beside the database, so that a restart does not end it.
struct PauseFile: Sendable {
    /// Octets that are read of it; it has some two hundred.
    private static let maxOctets = 4096
    private static let head = """
        sts-milter is paused: all mail goes, unprotected. "sts-milter resume" ends that.

        """

    /// What it holds; both in seconds since 1970.
    struct Kept: Sendable, Equatable {
        let begunAt: UTCTime
        let until: UTCTime
    }

    let path: String

    init(besideDatabase database: String) { path = database + ".paused" }

    /// - Returns: nil if there is none.
    func read() throws(PauseFileError) -> Kept? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw PauseFileError(code: errno)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw PauseFileError(code: errno) }
        // Whoever may not write to the control socket must not make one.
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw PauseFileError(text: "somebody else may have written it")
        }
        var octets = [UInt8](repeating: 0, count: Self.maxOctets)
        let count = Glibc.read(file, &octets, octets.count)
        guard count >= 0 else { throw PauseFileError(code: errno) }
        guard let kept = Kept(String(decoding: octets.prefix(count), as: UTF8.self)) else {
            throw PauseFileError(text: "it does not say from when to when")
        }
        return kept
    }

    /// Writes it whole or not at all.
    func write(_ kept: Kept) throws(PauseFileError) {
        let new = path + ".new"
        // Nothing of what lay there before is used.
        unlink(new)
        let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw PauseFileError(code: errno) }
        let octets = Array(
            (Self.head + "begun \(kept.begunAt.secondsSinceEpoch)\nuntil \(kept.until.secondsSinceEpoch)\n").utf8)
        let isWritten = Glibc.write(file, octets, octets.count) == octets.count && fsync(file) == 0
        let code = isWritten ? 0 : errno
        close(file)
        guard isWritten, rename(new, path) == 0 else {
            let code = isWritten ? errno : code
            unlink(new)
            throw PauseFileError(code: code)
        }
    }

    func remove() throws(PauseFileError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw PauseFileError(code: errno) }
    }
}

extension PauseFile.Kept {
    fileprivate init?(_ text: String) {
        var times: [Substring: Int64] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let seconds = Int64(words[1]) { times[words[0]] = seconds }
        }
        guard let begun = times["begun"], let until = times["until"] else { return nil }
        self.init(begunAt: UTCTime(secondsSinceEpoch: begun), until: UTCTime(secondsSinceEpoch: until))
    }

    /// When a pause that was kept ends, at a start now: it lasts no longer than it was to last in all, although the clock
    /// has gone back meanwhile.
    /// - Returns: nil if it is over, or none that a command can have made.
    func end(at now: UTCTime) -> UTCTime? {
        let length = until - begunAt
        guard length > .zero, length <= Pause.maxLength, now < until else { return nil }
        return min(until, now + length)
    }
}

/// Why a pause could not be kept, read or forgotten.
struct PauseFileError: Error, CustomStringConvertible {
    let description: String

    init(code: Int32) { description = String(cString: strerror(code)) }
    init(text: String) { description = text }
}
