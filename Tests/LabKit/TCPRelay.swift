// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Glibc

/// Stands between a client and a server, and can be a bad network: silent, or cut at the moment that a test chooses.
package final class TCPRelay: Sendable {
    package enum Mode: Sendable {
        case pass
        /// What the server says does not arrive.
        case swallow
        /// What the client says arrives, and with the server's answer the connection is cut, the answer lost.
        case cutAnswers
        /// New connections end at once.
        case refuse
    }

    private struct State {
        var mode = Mode.pass
        var open: Set<Int32> = []
        var isStopped = false
    }

    package let address: String
    package let port: Int
    private let target: (address: String, port: Int)
    private let listener: Int32
    private let state = Locked(State())

    package init(address: String, port: Int, to target: (address: String, port: Int)) throws {
        self.address = address
        self.port = port
        self.target = target
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard Self.with(address, port, { bind(listener, $0, $1) }) == 0, listen(listener, 64) == 0 else {
            throw LabError("no relay at \(address):\(port): \(String(cString: strerror(errno)))")
        }
        Thread { self.accept() }.start()
    }

    package func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

    /// Cuts what is connected now.
    package func cut() { state.withLock { Self.cut($0) } }

    package func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            Self.cut(state)
            shutdown(listener, Int32(SHUT_RDWR))
        }
    }

    /// Under the lock, as each close is: a number that is closed may be somebody else's.
    private static func cut(_ state: State) { for one in state.open { shutdown(one, Int32(SHUT_RDWR)) } }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            let (mode, isStopped) = state.withLock { ($0.mode, $0.isStopped) }
            guard !isStopped else {
                close(client)
                close(listener)
                return
            }
            guard client >= 0 else { continue }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard mode != .refuse, Self.with(target.address, target.port, { connect(server, $0, $1) }) == 0 else {
                close(client)
                close(server)
                continue
            }
            state.withLock { $0.open.formUnion([client, server]) }
            Thread { self.relay(client, server) }.start()
        }
    }

    private func relay(_ client: Int32, _ server: Int32) {
        defer {
            state.withLock { state in
                state.open.subtract([client, server])
                close(client)
                close(server)
            }
        }
        var octets = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var polled = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&polled, 2, -1) > 0 else { continue }
            for (place, one) in polled.enumerated() where one.revents != 0 {
                let count = recv(one.fd, &octets, octets.count, 0)
                guard count > 0 else { return }
                if place == 1 {
                    switch state.withLock({ $0.mode }) {
                    case .pass, .refuse: break
                    case .swallow: continue
                    case .cutAnswers: return
                    }
                }
                var sent = 0
                while sent < count {
                    let more = octets[sent..<count].withUnsafeBytes {
                        send(place == 0 ? server : client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                    guard more > 0 else { return }
                    sent += more
                }
            }
        }
    }

    private static func with(
        _ address: String, _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = in_port_t(port).bigEndian
        inet_pton(AF_INET, address, &place.sin_addr)
        return withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
