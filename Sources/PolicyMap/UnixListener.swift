// SPDX-License-Identifier: Apache-2.0
import Glibc
import Names

/// A Unix socket in the file system, ours from ``bind(path:mode:group:)`` to ``remove()``.
///
/// Made by hand since at no time may more clients connect than its mode allows; an umask would do for that, but holds
/// for all threads of the process.
struct UnixListener: Sendable {
    let descriptor: Int32
    private let path: String
    private let inode: ino_t

    /// Binds the path without listening, so that nobody can connect yet. The caller has seen that nobody answers there.
    static func bind(path: String, mode: UInt32, group: String?) throws(PolicyMapError) -> UnixListener {
        let place = ListenAddress.unix(path: path)
        let groupID = try group.map(groupID)
        try clear(path)
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .cannotListen(place, lastError()) }
        // Linux gives the file the mode of the socket.
        guard fchmod(descriptor, 0) == 0, bindsSocket(descriptor, to: path) else {
            let why = lastError()
            close(descriptor)
            throw .cannotListen(place, why)
        }
        if let groupID, chown(path, uid_t.max, groupID) != 0 {
            let why = lastError()
            close(descriptor)
            unlink(path)
            throw .noGroup(group ?? "", why)
        }
        var status = stat()
        guard chmod(path, mode) == 0, lstat(path, &status) == 0 else {
            let why = lastError()
            close(descriptor)
            unlink(path)
            throw .cannotListen(place, why)
        }
        return UnixListener(descriptor: descriptor, path: path, inode: status.st_ino)
    }

    /// Takes the file away unless another instance has put its own in place.
    func remove() {
        var status = stat()
        if lstat(path, &status) == 0, status.st_ino == inode { unlink(path) }
    }

    /// Removes a socket that an instance left behind, and nothing else.
    private static func clear(_ path: String) throws(PolicyMapError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        unlink(path)
    }

    private static func bindsSocket(_ descriptor: Int32, to path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyBytes(from: path.utf8.prefix(ListenAddress.maxPathOctets))
        }
        return withUnsafeBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress else { return false }
            return Glibc.bind(descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
        }
    }

    private static func groupID(_ name: String) throws(PolicyMapError) -> gid_t {
        if let number = gid_t(name) { return number }
        guard let entry = getgrnam(name) else { throw .noGroup(name, "no such group") }
        return entry.pointee.gr_gid
    }

    private static func lastError() -> String { String(cString: strerror(errno)) }
}
