// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why a server's socket is not served, and what cures it.
package struct ListenError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Cause: Sendable, Hashable {
        case alreadyServed, notListening
        case notASocket(String)
        /// The system's reason.
        case cannotListen(String)
        case noGroup(String, String)
    }

    package let cause: Cause
    package let socket: ListenAddress
    /// The setting that names the socket, such as `policy_map.socket`.
    package let setting: String

    package init(_ cause: Cause, at socket: ListenAddress, setting: String) {
        self.cause = cause
        self.socket = socket
        self.setting = setting
    }

    package init(_ error: UnixSocketError, at socket: ListenAddress, setting: String) {
        let cause: Cause =
            switch error {
            case .alreadyServed: .alreadyServed
            case .notASocket(let path): .notASocket(path)
            case .cannotBind(_, let why): .cannotListen(why)
            case .noGroup(let name, let why): .noGroup(name, why)
            }
        self.init(cause, at: socket, setting: setting)
    }

    package var description: String {
        switch cause {
        case .alreadyServed: "somebody answers at \(socket) already: stop the other instance, or set another \(setting)"
        case .notListening:
            "\(socket) is not a listening socket: start by the socket unit, or set another \(setting)"
        case .notASocket(let path):
            "\(printable(path)) exists and is no socket: move it away, or set another \(setting)"
        case .cannotListen(let why):
            "cannot listen at \(socket): \(why): see to the address or directory, or set another \(setting)"
        case .noGroup(let name, let why):
            "cannot give the socket to group '\(printable(name))': \(why): see to \(table).socket_group"
        }
    }

    private var table: Substring { setting.prefix { $0 != "." } }
}
