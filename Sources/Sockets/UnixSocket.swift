// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// A Unix socket in the file system, ours from ``init(_:path:mode:group:)`` to ``remove()``.
///
/// Made by hand since at no time may more reach it than its mode allows; an umask would do for that, but holds for all
/// threads of the process.
package struct UnixSocket: Sendable {
    /// Permissions of a socket where the operator sets no others: for the process's user and the socket's group.
    package static let defaultMode: UInt32 = 0o660

    package enum Kind: Sendable, Hashable {
        case stream, datagram

        fileprivate var type: __socket_type { self == .stream ? SOCK_STREAM : SOCK_DGRAM }
    }

    /// The caller's to close.
    package let descriptor: Int32
    private let path: String
    private let inode: ino_t

    /// Binds the path, never that of an instance that lives. A stream does not listen yet, so that nobody can connect.
    /// - Parameter group: a name or a number; nil leaves the process's own.
    package init(_ kind: Kind, path: String, mode: UInt32, group: String?) throws(UnixSocketError) {
        let groupID: gid_t? = if let group { try Self.groupID(group) } else { nil }
        guard (1...ListenAddress.maxPathOctets).contains(path.utf8.count) else {
            throw .cannotBind(path, "longer than \(ListenAddress.maxPathOctets) octets, or empty")
        }
        try Self.clear(kind, path)
        let descriptor = socket(AF_UNIX, Int32(kind.type.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotBind(path, Self.lastError()) }
        // Linux gives the file the mode of the socket.
        guard fchmod(descriptor, 0) == 0, withUnixAddress(path, { bind(descriptor, $0, $1) }) == 0 else {
            let why = Self.lastError()
            close(descriptor)
            throw .cannotBind(path, why)
        }
        do throws(UnixSocketError) { inode = try Self.open(path, to: mode, group: group, groupID) } catch {
            Self.giveUp(descriptor, path)
            throw error
        }
        self.descriptor = descriptor
        self.path = path
    }

    /// Gives a socket that was bound at the path its group and mode, and follows no link that took its place.
    /// - Parameter group: as in ``init(_:path:mode:group:)``.
    package static func open(_ path: String, to mode: UInt32, group: String?) throws(UnixSocketError) {
        let groupID: gid_t? = if let group { try groupID(group) } else { nil }
        _ = try open(path, to: mode, group: group, groupID)
    }

    private static func open(
        _ path: String, to mode: UInt32, group: String?, _ groupID: gid_t?
    ) throws(UnixSocketError) -> ino_t {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw .cannotBind(path, lastError()) }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        // The group first: until it is right the mode admits nobody new.
        if let groupID, lchown(path, uid_t.max, groupID) != 0 { throw .noGroup(group ?? "", lastError()) }
        guard fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0 else { throw .cannotBind(path, lastError()) }
        return status.st_ino
    }

    /// The number of a group, given by name or number.
    package static func groupID(_ name: String) throws(UnixSocketError) -> gid_t {
        if let number = gid_t(name) { return number }
        guard let entry = getgrnam(name) else { throw .noGroup(name, "no such group") }
        return entry.pointee.gr_gid
    }

    /// Takes the file away unless another instance has put its own in place.
    package func remove() {
        var status = stat()
        if lstat(path, &status) == 0, status.st_ino == inode { unlink(path) }
    }

    /// Removes a socket that an instance left behind, and nothing else.
    private static func clear(_ kind: Kind, _ path: String) throws(UnixSocketError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        switch withUnixAddress(path, { ConnectResult.connecting(kind.type, to: $0, $1) }) {
        case .connected(let descriptor):
            close(descriptor)
            throw .alreadyServed(path)
        case .full: throw .alreadyServed(path)
        // Nobody has the socket open.
        case .failed(ECONNREFUSED): unlink(path)
        case .failed(let error): throw .cannotBind(path, String(cString: strerror(error)))
        }
    }

    /// Whether there is something at the path that is no socket.
    static func isSomethingElse(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFSOCK
    }

    private static func giveUp(_ descriptor: Int32, _ path: String) {
        close(descriptor)
        unlink(path)
    }

    private static func lastError() -> String { String(cString: strerror(errno)) }
}

/// Why a Unix socket cannot be opened. The caller says which setting cures it.
package enum UnixSocketError: Error, Sendable, Hashable {
    /// The path, at which another instance answers.
    case alreadyServed(String)
    /// The path, which is something else and was left alone.
    case notASocket(String)
    /// The path, and why.
    case cannotBind(String, String)
    /// The group, and why.
    case noGroup(String, String)
}
