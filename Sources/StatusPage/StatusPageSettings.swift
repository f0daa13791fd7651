// SPDX-License-Identifier: Apache-2.0
import Basics
import Sockets

/// Where the status page listens.
package struct StatusPageSettings: Sendable, Hashable {
    package var socket: ListenAddress
    /// Permissions of a Unix socket.
    package var socketMode = UnixSocket.defaultMode
    /// Group of a Unix socket, by name or number; nil leaves the process's own.
    package var socketGroup: String?

    package init(socket: ListenAddress) { self.socket = socket }
}

extension ListenAddress {
    /// Whether only this machine can connect.
    package var isLocal: Bool {
        switch self {
        case .unix, .descriptor: true
        case .inet(let host, _), .inet6(let host, _):
            host.map { $0 == "localhost" || IPAddress($0)?.isLoopback == true } ?? false
        }
    }
}
