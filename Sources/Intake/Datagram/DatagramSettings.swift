// SPDX-License-Identifier: Apache-2.0
import Sockets

/// Where datagrams come in, and who may send them.
package struct DatagramSettings: Sendable, Hashable {
    /// The socket's path in the file system, absolute.
    package var path: String
    /// Permissions of the socket; Postfix's smtp(8) sends as user `postfix`.
    package var mode = UnixSocket.defaultMode
    /// Group of the socket, by name or number; nil leaves the process's own.
    package var group: String?

    package init(path: String) { self.path = path }
}
