// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// Where settings come from: a file, or the defaults.
package struct SettingsSource: Sendable, CustomStringConvertible {
    /// Nil takes the defaults.
    private let path: String?
    private let mayBeMissing: Bool

    /// - Parameter mayBeMissing: whether a file that does not exist means the defaults; it is looked for at each read.
    package init(path: String?, mayBeMissing: Bool = false) {
        self.path = path
        self.mayBeMissing = mayBeMissing
    }

    /// The file, or what stands in for it.
    package var description: String { file ?? "defaults" }

    package func read() throws(SettingsError) -> Settings {
        guard let file else { return try Settings(SettingsFile(text: "", name: "defaults")) }
        return try Settings(path: file)
    }

    private var file: String? {
        path.flatMap { !mayBeMissing || FileManager.default.fileExists(atPath: $0) ? $0 : nil }
    }
}
