// SPDX-License-Identifier: Apache-2.0
import Glibc
import Names

extension ListenAddress {
    /// Longest wait for a listener with a full backlog, in seconds.
    private static let patienceSeconds = 1

    /// Whether somebody accepts connections there; asks by connecting and hanging up.
    var isAnswered: Bool {
        switch self {
        case .unix(let path): Self.isAnswered(path: path)
        case .inet(let host, let port): Self.isAnswered(host: host ?? "127.0.0.1", port: port, family: AF_INET)
        case .inet6(let host, let port): Self.isAnswered(host: host ?? "::1", port: port, family: AF_INET6)
        case .descriptor(let number): Self.isAnswered(descriptor: number)
        }
    }

    private static func isAnswered(path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(maxPathOctets)) }
        return withUnsafePointer(to: &address) {
            connects(to: UnsafeRawPointer($0), MemoryLayout<sockaddr_un>.size, family: AF_UNIX)
        }
    }

    private static func isAnswered(host: String, port: UInt16, family: Int32) -> Bool {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let first = found else { return false }
        defer { freeaddrinfo(first) }
        return connects(to: first.pointee.ai_addr, Int(first.pointee.ai_addrlen), family: family)
    }

    private static func isAnswered(descriptor: Int32) -> Bool {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress,
                getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &size) == 0
            else { return false }
            let family = base.assumingMemoryBound(to: sockaddr.self).pointee.sa_family
            return connects(to: UnsafeRawPointer(base), Int(size), family: Int32(family))
        }
    }

    private static func connects(to address: UnsafeRawPointer, _ size: Int, family: Int32) -> Bool {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: patienceSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if connect(descriptor, address.assumingMemoryBound(to: sockaddr.self), socklen_t(size)) == 0 { return true }
        // A listener whose backlog is full lives too.
        return errno == EAGAIN || errno == EINPROGRESS
    }
}
