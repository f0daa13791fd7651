// SPDX-License-Identifier: Apache-2.0
import Glibc
import Names

/// A Unix datagram socket in the file system, ours from ``init(_:)`` to ``close()``.
struct DatagramSocket: Sendable {
    let descriptor: Int32
    private let path: String
    private let inode: ino_t

    /// Binds the path; at no time may more senders reach it than its mode allows.
    init(_ settings: DatagramSettings) throws(DatagramSocketError) {
        let path = settings.path
        let group: gid_t? = if let name = settings.group { try Self.groupID(name) } else { nil }
        guard (1...ListenAddress.maxPathOctets).contains(path.utf8.count) else {
            throw .cannotBind(path, "longer than \(ListenAddress.maxPathOctets) octets, or empty")
        }
        try Self.clear(path)
        let descriptor = Self.open()
        guard descriptor >= 0 else { throw .cannotBind(path, Self.lastError()) }
        // Linux gives the file the mode of the socket.
        guard fchmod(descriptor, 0) == 0, Self.address(path, { Glibc.bind(descriptor, $0, $1) }) == 0 else {
            let why = Self.lastError()
            Glibc.close(descriptor)
            throw .cannotBind(path, why)
        }
        if let group, chown(path, uid_t.max, group) != 0 {
            let why = Self.lastError()
            Self.giveUp(descriptor, path)
            throw .noGroup(settings.group ?? "", why)
        }
        var status = stat()
        guard chmod(path, settings.mode) == 0, lstat(path, &status) == 0 else {
            let why = Self.lastError()
            Self.giveUp(descriptor, path)
            throw .cannotBind(path, why)
        }
        self.descriptor = descriptor
        self.path = path
        inode = status.st_ino
    }

    /// Refuses new datagrams: senders see an error, and a thread that waits for one wakes up. What is queued stays.
    func shut() {
        var status = stat()
        // Another instance may have put its own in place.
        if lstat(path, &status) == 0, status.st_ino == inode { unlink(path) }
        shutdown(descriptor, Int32(SHUT_RD))
    }

    func close() { Glibc.close(descriptor) }

    /// Removes a socket that an instance left behind, and nothing else.
    private static func clear(_ path: String) throws(DatagramSocketError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        let probe = open()
        guard probe >= 0 else { throw .cannotBind(path, lastError()) }
        defer { Glibc.close(probe) }
        // Refused only when nobody has the socket open.
        guard address(path, { connect(probe, $0, $1) }) != 0 else { throw .alreadyServed(path) }
        guard errno == ECONNREFUSED else { throw .cannotBind(path, lastError()) }
        unlink(path)
    }

    private static func open() -> Int32 { socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }

    private static func giveUp(_ descriptor: Int32, _ path: String) {
        Glibc.close(descriptor)
        unlink(path)
    }

    private static func address(_ path: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func groupID(_ name: String) throws(DatagramSocketError) -> gid_t {
        if let number = gid_t(name) { return number }
        guard let entry = getgrnam(name) else { throw .noGroup(name, "no such group") }
        return entry.pointee.gr_gid
    }

    private static func lastError() -> String { String(cString: strerror(errno)) }
}
