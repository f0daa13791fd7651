// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// What came of connecting to a socket, which shows whether somebody serves it.
package enum ConnectResult: Sendable, Hashable {
    /// Somebody listens. The descriptor blocks, and is the caller's to close.
    case connected(Int32)
    /// Somebody listens, and the backlog is full.
    case full
    /// With the error number; `ECONNREFUSED` when nobody has the socket open.
    case failed(Int32)

    /// Longest wait for a listener with a full backlog, in seconds.
    private static let waitLimitSeconds = 1

    /// Connects a socket of this type; blocks for a moment at most.
    static func connecting(_ type: __socket_type, to address: UnsafePointer<sockaddr>, _ size: socklen_t) -> Self {
        let flags = Int32(type.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(Int32(address.pointee.sa_family), flags, 0)
        guard descriptor >= 0 else { return .failed(errno) }
        var limit = timeval(tv_sec: waitLimitSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if Glibc.connect(descriptor, address, size) == 0 { return .connected(descriptor) }
        let error = errno
        close(descriptor)
        return switch error {
        // Of a Unix socket alone: who asks an address on the Internet is not told of a backlog.
        case EAGAIN: .full
        // Not finished in time: nobody has answered there.
        case EINPROGRESS: .failed(ETIMEDOUT)
        default: .failed(error)
        }
    }
}

extension ListenAddress {
    /// Connects as a client would, to any interface by its loopback address; blocks for a moment at most.
    package func connect() -> ConnectResult {
        switch self {
        case .unix(let path):
            withUnixAddress(path) { .connecting(SOCK_STREAM, to: $0, $1) }
        case .inet(let host, let port): Self.connect(to: host ?? "127.0.0.1", port, AF_INET)
        case .inet6(let host, let port): Self.connect(to: host ?? "::1", port, AF_INET6)
        case .descriptor(let number): Self.connect(toNameOf: number)
        }
    }

    /// Whether somebody accepts connections there; asks by connecting and hanging up.
    package var isAnswered: Bool {
        switch connect() {
        case .connected(let descriptor):
            close(descriptor)
            return true
        case .full: return true
        case .failed: return false
        }
    }

    /// Why nobody can listen there now, as far as that shows without taking the place of anything; nil where nothing
    /// stands in the way.
    package var obstacle: ListenError.Cause? {
        switch self {
        case .inet(let host, let port): Self.obstacle(at: host ?? "0.0.0.0", port, AF_INET)
        case .inet6(let host, let port): Self.obstacle(at: host ?? "::", port, AF_INET6)
        case .unix(let path): UnixSocket.isSomethingElse(path) ? .notASocket(path) : isAnswered ? .alreadyServed : nil
        case .descriptor(let number): Self.isListening(number) ? nil : .notListening
        }
    }

    /// Whether a descriptor that the service manager opened is a listening socket.
    package static func isListening(_ descriptor: Int32) -> Bool {
        var answer: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer != 0
    }

    private static func connect(to host: String, _ port: UInt16, _ family: Int32) -> ConnectResult {
        withInternetAddress(host, port, family) { address, _ in
            guard let address else { return .failed(EADDRNOTAVAIL) }
            return .connecting(SOCK_STREAM, to: address.ai_addr, address.ai_addrlen)
        }
    }

    /// Binds as a server would, and lets go at once.
    private static func obstacle(at host: String, _ port: UInt16, _ family: Int32) -> ListenError.Cause? {
        withInternetAddress(host, port, family) { address, failure in
            guard let address else { return .cannotListen("no address of '\(printable(host))' is known (\(failure))") }
            let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { return .cannotListen(String(cString: strerror(errno))) }
            defer { close(descriptor) }
            var yes: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            guard bind(descriptor, address.ai_addr, address.ai_addrlen) != 0 else { return nil }
            return switch errno {
            case EADDRINUSE: .alreadyServed
            case EADDRNOTAVAIL: .cannotListen("this machine does not have that address")
            case let code: .cannotListen(String(cString: strerror(code)))
            }
        }
    }

    /// Hands on the first address of a host; nil with the resolver's words where there is none.
    private static func withInternetAddress<Value>(
        _ host: String, _ port: UInt16, _ family: Int32, _ use: (addrinfo?, _ failure: String) -> Value
    ) -> Value {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let first = found else { return use(nil, String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(first) }
        return use(first.pointee, "")
    }

    private static func connect(toNameOf descriptor: Int32) -> ConnectResult {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &size) == 0 else { return .failed(errno) }
                return .connecting(SOCK_STREAM, to: address, size)
            }
        }
    }
}

/// Hands on the path as a socket's address; what does not fit is left out.
func withUnixAddress<Value>(_ path: String, _ use: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(ListenAddress.maxPathOctets)) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            use($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
