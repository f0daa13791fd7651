// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What becomes a standard file of a child process.
package enum ChildFile: Sendable {
    /// One of ours, which may be close-on-exec.
    case descriptor(Int32)
    /// Opened for the child.
    case path(String, flags: Int32, mode: mode_t = 0o600)
}
