// SPDX-License-Identifier: Apache-2.0
import Basics
import Sockets

/// Why the policy map is not served, and what cures it.
package enum PolicyMapError: Error, Sendable, Hashable, CustomStringConvertible {
    case alreadyServed(ListenAddress), notListening(ListenAddress), notASocket(String)
    case cannotListen(ListenAddress, String), noGroup(String, String)

    package var description: String {
        switch self {
        case .alreadyServed(let socket):
            "somebody answers at \(socket) already: stop the other instance, or set another policy_map.socket"
        case .notListening(let socket):
            "\(socket) is not a listening socket: start by the socket unit, or set another policy_map.socket"
        case .notASocket(let path):
            "\(printable(path)) exists and is no socket: move it away, or set another policy_map.socket"
        case .cannotListen(let socket, let why):
            "cannot listen at \(socket): \(why): see to the address or directory, or set another policy_map.socket"
        case .noGroup(let name, let why):
            "cannot give the socket to group '\(printable(name))': \(why): see to policy_map.socket_group"
        }
    }
}

extension PolicyMapError {
    init(_ error: UnixSocketError, at socket: ListenAddress) {
        self =
            switch error {
            case .alreadyServed: .alreadyServed(socket)
            case .notASocket(let path): .notASocket(path)
            case .cannotBind(_, let why): .cannotListen(socket, why)
            case .noGroup(let name, let why): .noGroup(name, why)
            }
    }
}
