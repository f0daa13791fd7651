// SPDX-License-Identifier: Apache-2.0

/// Why a Unix socket cannot be opened. The caller says which setting cures it.
package enum UnixSocketError: Error, Sendable, Hashable {
    /// The path, at which another instance answers.
    case alreadyServed(String)
    /// The path, which is something else and was left alone.
    case notASocket(String)
    /// The path, and why.
    case cannotBind(String, String)
    /// The group, and why.
    case noGroup(String, String)
}
