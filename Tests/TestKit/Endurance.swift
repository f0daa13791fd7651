// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Tests that find by chance find more the longer they go on. `make test-all` has them go on for the whole of it, by
/// `STS_LAB_ENDURANCE` in the environment; `make test` for a part, so that it can be run before each change.
package enum Endurance {
    package static let isWhole = ProcessInfo.processInfo.environment["STS_LAB_ENDURANCE"] != nil

    /// How often something is done.
    package static func count(_ whole: Int, usually part: Int) -> Int { isWhole ? whole : part }
}
