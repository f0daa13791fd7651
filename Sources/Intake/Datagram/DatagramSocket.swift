// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Sockets

/// The socket that datagrams come in at, ours from ``init(_:)`` to ``close()``.
struct DatagramSocket: Sendable {
    private let socket: UnixSocket
    var descriptor: Int32 { socket.descriptor }

    init(_ settings: DatagramSettings) throws(DatagramSocketError) {
        do throws(UnixSocketError) {
            socket = try UnixSocket(.datagram, path: settings.path, mode: settings.mode, group: settings.group)
        } catch { throw DatagramSocketError(error) }
    }

    /// Refuses new datagrams: senders see an error, and a thread that waits for one wakes up. What is queued stays.
    func shut() {
        socket.remove()
        shutdown(descriptor, Int32(SHUT_RD))
    }

    func close() { Glibc.close(descriptor) }
}

extension DatagramSocketError {
    fileprivate init(_ error: UnixSocketError) {
        self =
            switch error {
            case .alreadyServed(let path): .alreadyServed(path)
            case .notASocket(let path): .notASocket(path)
            case .cannotBind(let path, let why): .cannotBind(path, why)
            case .noGroup(let name, let why): .noGroup(name, why)
            }
    }
}

/// Why no datagrams can come in, and what cures it.
package enum DatagramSocketError: Error, Sendable, Hashable, CustomStringConvertible {
    case alreadyServed(String), notASocket(String), cannotBind(String, String), noGroup(String, String)
    case noThread(String)

    package var description: String {
        switch self {
        case .alreadyServed(let path):
            "somebody receives at \(printable(path)) already: stop the other instance (or tlsrpt-collectd), or set another intake.tlsrpt_socket"
        case .notASocket(let path):
            "\(printable(path)) exists and is no socket: move it away, or set another intake.tlsrpt_socket"
        case .cannotBind(let path, let why):
            "cannot bind \(printable(path)): \(why): see to its directory, or set another intake.tlsrpt_socket"
        case .noGroup(let name, let why):
            "cannot give the socket to group '\(printable(name))': \(why): see to intake.tlsrpt_socket_group"
        case .noThread(let why): "cannot start a thread for datagrams: \(why)"
        }
    }
}
