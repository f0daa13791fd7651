// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

extension ListenAddress {
    /// Longest wait for a listener with a full backlog, in seconds.
    private static let patienceSeconds = 1
    /// Longest wait for a milter's answer to the offer of options, in seconds.
    private static let answerSeconds = 3
    /// The offer that Postfix makes: version 6, all actions, all steps.
    private static let offer: [UInt32] = [6, 0x1FF, 0x1F_FFFF]

    /// What came of connecting.
    private enum Attempt {
        /// The descriptor is the caller's to close.
        case connected(Int32)
        /// A listener lives, and its backlog is full.
        case full
        case refused
    }

    /// Whether somebody accepts connections there; asks by connecting and hanging up.
    var isAnswered: Bool {
        switch attempt() {
        case .connected(let descriptor):
            close(descriptor)
            return true
        case .full: return true
        case .refused: return false
        }
    }

    /// Whether a milter serves there: connects, offers options as an MTA does, and waits for the answer.
    var negotiates: Bool {
        guard case .connected(let descriptor) = attempt() else { return false }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: Self.answerSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let payload = [UInt8(ascii: "O")] + Self.offer.flatMap(Self.octets)
        let packet = Self.octets(UInt32(payload.count)) + payload
        guard send(descriptor, packet, packet.count, Int32(MSG_NOSIGNAL)) == packet.count else { return false }
        // The length and the command of the answer.
        var head = [UInt8](repeating: 0, count: 5)
        guard recv(descriptor, &head, head.count, Int32(MSG_WAITALL)) == head.count else { return false }
        let quit = Self.octets(1) + [UInt8(ascii: "Q")]
        _ = send(descriptor, quit, quit.count, Int32(MSG_NOSIGNAL))
        return head[4] == UInt8(ascii: "O")
    }

    private static func octets(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    private func attempt() -> Attempt {
        switch self {
        case .unix(let path): Self.attempt(path: path)
        case .inet(let host, let port): Self.attempt(host: host ?? "127.0.0.1", port: port, family: AF_INET)
        case .inet6(let host, let port): Self.attempt(host: host ?? "::1", port: port, family: AF_INET6)
        case .descriptor(let number): Self.attempt(descriptor: number)
        }
    }

    private static func attempt(path: String) -> Attempt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(maxPathOctets)) }
        return withUnsafePointer(to: &address) {
            attempt(UnsafeRawPointer($0), MemoryLayout<sockaddr_un>.size, family: AF_UNIX)
        }
    }

    private static func attempt(host: String, port: UInt16, family: Int32) -> Attempt {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let first = found else { return .refused }
        defer { freeaddrinfo(first) }
        return attempt(first.pointee.ai_addr, Int(first.pointee.ai_addrlen), family: family)
    }

    private static func attempt(descriptor: Int32) -> Attempt {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress,
                getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &size) == 0
            else { return .refused }
            let family = base.assumingMemoryBound(to: sockaddr.self).pointee.sa_family
            return attempt(UnsafeRawPointer(base), Int(size), family: Int32(family))
        }
    }

    private static func attempt(_ address: UnsafeRawPointer, _ size: Int, family: Int32) -> Attempt {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return .refused }
        var limit = timeval(tv_sec: patienceSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if connect(descriptor, address.assumingMemoryBound(to: sockaddr.self), socklen_t(size)) == 0 {
            return .connected(descriptor)
        }
        defer { close(descriptor) }
        return errno == EAGAIN || errno == EINPROGRESS ? .full : .refused
    }
}
