// SPDX-License-Identifier: Apache-2.0
import Basics

import Glibc
import Synchronization

/// A nonblocking TCP socket, closed exactly once.
package final class Socket: Sendable {
    /// Octets of one read.
    private static let chunkBytes = 16_384

    package let descriptor: Int32
    private let isClosed = Atomic(false)

    /// - Throws: the failure of `socket(2)`: no descriptors left, or a family that the host does not have.
    package init(for address: IPAddress) throws(SystemError) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = socket(address.isIPv6 ? AF_INET6 : AF_INET, kind, 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        var on: Int32 = 1
        // Dialogues are short lines: waiting to fill a segment only costs time.
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close() }

    /// Why no socket can be opened for any address; nil if one can.
    package static func descriptorFailure() -> SystemError? {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return SystemError("socket") }
        Glibc.close(descriptor)
        return nil
    }

    package func close() {
        guard descriptor >= 0, !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        Glibc.close(descriptor)
    }

    /// Begins to connect; true if that is done already.
    package func connect(to address: IPAddress, port: UInt16) throws(SystemError) -> Bool {
        let code =
            address.isIPv6
            ? Self.connect6(descriptor, address, port) : Self.connect4(descriptor, address, port)
        if code == 0 { return true }
        guard errno == EINPROGRESS else { throw SystemError("connect") }
        return false
    }

    /// Whether this machine has a way to the address, by its own tables: nothing is sent.
    package static func hasRoute(to address: IPAddress) -> Bool {
        let family = address.isIPv6 ? AF_INET6 : AF_INET
        let descriptor = socket(family, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return !SystemError("socket").isNoRoute }
        defer { Glibc.close(descriptor) }
        let code = address.isIPv6 ? connect6(descriptor, address, 443) : connect4(descriptor, address, 443)
        return code == 0 || !SystemError("connect").isNoRoute
    }

    /// Whether this machine has no way to the public network, by its own tables: neither to an IPv4 nor to an IPv6 address
    /// that is surely there. They are those of a root server, to which nothing is sent.
    package static var isOffline: Bool {
        ["198.41.0.4", "2001:503:ba3e::2:30"].compactMap { IPAddress($0) }.allSatisfy { !hasRoute(to: $0) }
    }

    /// How the connecting ended, once the socket is writable.
    package func connectionError() -> SystemError? {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { return SystemError("getsockopt") }
        return code == 0 ? nil : SystemError("connect", code: code)
    }

    /// What has come so far: nil if nothing has, empty at the end.
    package func receive() throws(SystemError) -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count >= 0 { return Array(chunk.prefix(count)) }
        guard Self.isTemporary(errno) else { throw SystemError("recv") }
        return nil
    }

    /// How many of the octets the kernel took.
    package func send(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
        // Without MSG_NOSIGNAL a peer that hung up would end the process with SIGPIPE.
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count >= 0 { return count }
        guard Self.isTemporary(errno) else { throw SystemError("send") }
        return 0
    }

    private static func isTemporary(_ code: Int32) -> Bool { code == EAGAIN || code == EWOULDBLOCK || code == EINTR }

    private static func connect4(_ descriptor: Int32, _ address: IPAddress, _ port: UInt16) -> Int32 {
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        peer.sin_port = port.bigEndian
        withUnsafeMutableBytes(of: &peer.sin_addr) { $0.copyBytes(from: address.octets) }
        return withUnsafePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func connect6(_ descriptor: Int32, _ address: IPAddress, _ port: UInt16) -> Int32 {
        var peer = sockaddr_in6()
        peer.sin6_family = sa_family_t(AF_INET6)
        peer.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &peer.sin6_addr) { $0.copyBytes(from: address.octets) }
        return withUnsafePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
}
