// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Why a program cannot be started.
package struct SpawnError: Error, Sendable, Hashable {
    /// An `errno`.
    package let code: Int32

    package init(code: Int32) { self.code = code }

    package var text: String { String(cString: strerror(code)) }
}
