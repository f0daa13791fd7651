// SPDX-License-Identifier: Apache-2.0
import Basics
import Synchronization

/// What keeps a source from being read at this moment, for an administrator who asks.
package final class SourceStatus: Sendable {
    private let problem = Mutex<String?>(nil)

    package init() {}

    /// Safe to print; nil while all is well.
    package var text: String? { problem.withLock { $0 } }

    func set(problem text: String) { problem.withLock { $0 = printable(text, limit: 500) } }
    func clear() { problem.withLock { $0 = nil } }
}
