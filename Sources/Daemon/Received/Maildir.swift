// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// A Maildir that others deliver to: names and contents are theirs. Opened for one look.
struct Maildir: ~Copyable {
    /// Why nothing can be read or moved; safe to print.
    struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        let description: String

        fileprivate init(_ what: String, _ code: CInt) {
            description = "\(what): \(strerror(code).map { String(cString: $0) } ?? "error \(code)")"
        }
    }

    /// The name of a mail in `new`, octet for octet.
    struct Name: Sendable, Hashable {
        fileprivate let octets: [CChar]

        /// Safe to print.
        var description: String {
            printable(String(decoding: octets.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self), limit: 200)
        }
    }

    /// What is in a mail's place.
    enum Content: Sendable {
        case mail([UInt8])
        case tooLarge
        /// A directory, a link, a pipe: never opened for reading.
        case noFile
        /// Somebody took it meanwhile.
        case gone
    }

    private let directory: CInt

    /// - Parameter path: the directory above `new` and `cur`.
    init(_ path: String) throws(Failure) {
        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Failure(printable(path, limit: 1024), errno) }
    }

    deinit { if directory >= 0 { close(directory) } }

    /// Names in `new`, so many at the most, in whatever order the directory has them.
    func newMails(atMost limit: Int, except known: Set<Name>) throws(Failure) -> [Name] {
        let descriptor = openat(directory, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("new", errno) }
        guard let stream = fdopendir(descriptor) else {
            defer { close(descriptor) }
            throw Failure("new", errno)
        }
        defer { closedir(stream) }
        var names: [Name] = []
        while names.count < limit, let entry = readdir(stream) {
            let octets = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                Array(name.prefix { $0 != 0 }).map { CChar(bitPattern: $0) } + [0]
            }
            // Names with a dot at the start are no mail.
            guard octets.first != CChar(bitPattern: UInt8(ascii: ".")) else { continue }
            let name = Name(octets: octets)
            if !known.contains(name) { names.append(name) }
        }
        return names
    }

    /// - Parameter limit: octets of the longest mail that is read.
    func read(_ name: Name, limit: Int) throws(Failure) -> Content {
        // Never waits for a pipe, and never follows a link out of the mailbox.
        let descriptor = openat(directory, path("new", name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT: return .gone
            case ELOOP, ENXIO: return .noFile
            case let code: throw Failure(name.description, code)
            }
        }
        defer { close(descriptor) }
        do { return .mail(try RegularFile.read(from: descriptor, limitBytes: limit)) } catch {
            switch error {
            case .notRegular, .untrusted: return .noFile
            case .tooLong: return .tooLarge
            case .system(let code): throw Failure(name.description, code)
            }
        }
    }

    /// Moves a mail to `cur`, as one that was seen.
    func markSeen(_ name: Name) throws(Failure) {
        // What stands behind a colon are flags, which a mail in `new` has none of.
        let unique = name.octets.dropLast().prefix { $0 != CChar(bitPattern: UInt8(ascii: ":")) }
        let seen = Name(octets: unique + ":2,S".utf8.map { CChar(bitPattern: $0) } + [0])
        guard renameat(directory, path("new", name), directory, path("cur", seen)) == 0 else {
            throw Failure("\(name.description) cannot be moved to cur", errno)
        }
    }

    private func path(_ folder: StaticString, _ name: Name) -> [CChar] {
        "\(folder)/".utf8.map { CChar(bitPattern: $0) } + name.octets
    }
}
