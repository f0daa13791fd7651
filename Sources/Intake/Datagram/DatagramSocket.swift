// SPDX-License-Identifier: Apache-2.0
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
