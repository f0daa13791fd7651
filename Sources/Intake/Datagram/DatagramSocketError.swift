// SPDX-License-Identifier: Apache-2.0
import Basics

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
