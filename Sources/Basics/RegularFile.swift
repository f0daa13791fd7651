// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Files as a whole: read with a limit, or replaced so that nobody ever sees a half, a crash of the machine included.
package enum RegularFile {
    /// Octets that are read at a time.
    private static let chunkBytes = 64 << 10

    /// Reads all of a file. A device or a pipe, which could have no end or keep its reader, is refused.
    /// - Parameters:
    ///   - limitBytes: a longer file is refused.
    ///   - followsLinks: whether `path` may be a symbolic link.
    ///   - isTrusted: whether a file of this owner and mode is read.
    package static func read(
        _ path: String, limitBytes: Int, followsLinks: Bool = true, isTrusted: (stat) -> Bool = { _ in true }
    ) throws(FileError) -> [UInt8] {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followsLinks ? 0 : O_NOFOLLOW)
        let descriptor: Int32
        do { descriptor = try opened(path, flags) } catch {
            // What the system says of a link that is not followed, and of a socket.
            throw error == .system(ENXIO) || !followsLinks && error == .system(ELOOP) ? .notRegular : error
        }
        defer { close(descriptor) }
        return try read(from: descriptor, limitBytes: limitBytes, isTrusted: isTrusted)
    }

    /// The same of a file that the caller has opened, without waiting, and closes.
    package static func read(
        from descriptor: Int32, limitBytes: Int, isTrusted: (stat) -> Bool = { _ in true }
    ) throws(FileError) -> [UInt8] {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
        guard isTrusted(status) else { throw .untrusted }
        guard status.st_size <= limitBytes else { throw .tooLong(limitBytes: limitBytes) }
        var octets: [UInt8] = []
        octets.reserveCapacity(Int(status.st_size))
        while octets.count <= limitBytes {
            let (count, code) = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: chunkBytes) { room in
                let count = Glibc.read(descriptor, room.baseAddress, room.count)
                let code = errno
                if count > 0 { octets.append(contentsOf: room[..<count]) }
                return (count, code)
            }
            if count == 0 { return octets }
            guard count > 0 || code == EINTR else { throw .system(code) }
        }
        // The file has grown since it was asked for its size.
        throw .tooLong(limitBytes: limitBytes)
    }

    /// Puts a file in the place of what is at the path, or of nothing. Where this throws, that is untouched, or only the
    /// directory could not be written to the disk. Two threads must not replace one file at a time.
    /// - Parameters:
    ///   - mode: less the umask.
    ///   - followsLinks: whether a symbolic link stays, and the file behind it is replaced; else the link is.
    ///   - prepare: gives the new file, by its descriptor, the owner and the mode that it is to have; false with `errno`.
    package static func replace(
        _ path: String, with octets: [UInt8], mode: mode_t = 0o666, followsLinks: Bool = true,
        prepare: (Int32) -> Bool = { _ in true }
    ) throws(FileError) {
        let place = followsLinks ? resolved(path) : path
        var status = stat()
        // As root even a device could be replaced.
        if lstat(place, &status) == 0, ![S_IFREG, S_IFLNK].contains(status.st_mode & S_IFMT) { throw .notRegular }
        let directory = directory(of: place)
        let draft = "\(directory)/\(draftName(for: place))"
        // Of a process that was killed, and whose number we have got.
        unlink(draft)
        let descriptor = try opened(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        do throws(FileError) {
            defer { close(descriptor) }
            try write(octets, to: descriptor)
            guard prepare(descriptor), fsync(descriptor) == 0, rename(draft, place) == 0 else { throw .system(errno) }
        } catch {
            unlink(draft)
            throw error
        }
        try sync(directory)
    }

    /// Writes all octets, also to what is no file.
    package static func write(_ octets: [UInt8], to descriptor: Int32) throws(FileError) {
        var rest = octets[...]
        while !rest.isEmpty {
            let (count, code) = rest.withUnsafeBytes { room in
                (Glibc.write(descriptor, room.baseAddress, room.count), errno)
            }
            if count < 0, code == EINTR { continue }
            guard count > 0 else { throw .system(code) }
            rest = rest.dropFirst(count)
        }
    }

    private static func opened(_ path: String, _ flags: Int32, _ mode: mode_t = 0) throws(FileError) -> Int32 {
        while true {
            let descriptor = open(path, flags, mode)
            if descriptor >= 0 { return descriptor }
            guard errno == EINTR else { throw .system(errno) }
        }
    }

    /// The file behind links; the path itself where there is none.
    private static func resolved(_ path: String) -> String {
        guard let name = realpath(path, nil) else { return path }
        defer { free(name) }
        return String(cString: name)
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Short, for the name of the file may be as long as names may be; and no two files of a directory have the same.
    private static func draftName(for path: String) -> String {
        var hash = FNV1a()
        hash.add(path)
        return ".\(getpid())-\(String(hash.value, radix: 16)).new"
    }

    /// Without it a crash of the machine could bring back the old file.
    private static func sync(_ directory: String) throws(FileError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // Who may write to a directory need not be able to read it.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // Some file systems have nothing to write there.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw .system(errno) }
    }
}

/// Why a file was not read or not replaced. The description has no path in it, and is safe to print.
package enum FileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A directory, a device, a pipe, a socket, or a link that must not be followed.
    case notRegular
    /// The caller takes none of this owner or mode.
    case untrusted
    case tooLong(limitBytes: Int)
    /// The number of the system's error.
    case system(Int32)

    package var description: String {
        switch self {
        case .notRegular: "not a file"
        case .untrusted: "somebody else may have written it"
        case .tooLong(let limitBytes): "more than \(limitBytes) bytes"
        case .system(let code): String(cString: strerror(code))
        }
    }
}
