// SPDX-License-Identifier: Apache-2.0
import Basics
import Synchronization

/// What keeps a source from being read at this moment, for an administrator who asks.
package final class SourceStatus: Sendable {
    private let state = Mutex<String?>(nil)

    package init() {}

    /// Safe to print; nil while all is well.
    package var text: String? { state.withLock { $0 } }

    func begin(_ text: String) { state.withLock { $0 = printable(text, limit: 500) } }
    func end() { state.withLock { $0 = nil } }
}
