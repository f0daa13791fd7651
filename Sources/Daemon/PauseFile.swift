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
        let octets: [UInt8]
        do {
            // Whoever may not write to the control socket must not make one.
            octets = try RegularFile.read(path, limitBytes: Self.maxOctets, followsLinks: false) {
                $0.st_uid == geteuid() && $0.st_mode & 0o022 == 0
            }
        } catch {
            switch error {
            case .system(ENOENT): return nil
            case .notRegular: throw PauseFileError(.untrusted)
            case .untrusted, .tooLong, .system: throw PauseFileError(error)
            }
        }
        guard let kept = Kept(String(decoding: octets, as: UTF8.self)) else {
            throw PauseFileError(text: "it does not say from when to when")
        }
        return kept
    }

    /// Writes it whole or not at all.
    func write(_ kept: Kept) throws(PauseFileError) {
        let text = Self.head + "begun \(kept.begunAt.secondsSinceEpoch)\nuntil \(kept.until.secondsSinceEpoch)\n"
        do {
            try RegularFile.replace(path, with: Array(text.utf8), mode: 0o600, followsLinks: false)
        } catch { throw PauseFileError(error) }
    }

    func remove() throws(PauseFileError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw PauseFileError(.system(errno)) }
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

    init(_ error: FileError) { description = "\(error)" }
    init(text: String) { description = text }
}
