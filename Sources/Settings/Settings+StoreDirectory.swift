// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

extension Settings {
    /// Where the store lies, and what is kept beside it.
    package var storeDirectory: String { URL(fileURLWithPath: storePath).deletingLastPathComponent().path }
}
