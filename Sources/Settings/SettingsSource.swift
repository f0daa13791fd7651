// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// Where settings come from: a file and those of its `conf.d`, or the defaults.
package struct SettingsSource: Sendable, CustomStringConvertible {
    /// Nil takes the defaults.
    private let path: String?
    private let mayBeMissing: Bool

    /// - Parameter mayBeMissing: whether a file that does not exist leaves the defaults, but for its `conf.d`; it is looked for at each read.
    package init(path: String?, mayBeMissing: Bool = false) {
        self.path = path
        self.mayBeMissing = mayBeMissing
    }

    /// The file, or what stands in for it.
    package var description: String { file ?? "defaults" }

    package func read() throws(SettingsError) -> Settings {
        guard let path else { return try Settings(SettingsFile(text: "", name: "defaults")) }
        return try Settings(SettingsFile(path: path, mayBeMissing: mayBeMissing))
    }

    /// The defaults with `control.socket` of the files, as far as that key can be read by itself: to reach a daemon that
    /// runs it need not be known whether the rest is right.
    package func readControlSocket() -> Settings {
        var settings = Settings()
        guard let path, let texts = try? SettingsPart.texts(path: path, mayBeMissing: mayBeMissing),
            let setting = Settings.keys.first(where: { $0.key == "control.socket" })
        else { return settings }
        for text in texts {
            guard let value = SettingsLines.value(of: setting.key, in: text.text) else { continue }
            try? setting.read(value, into: &settings)
        }
        return settings
    }

    private var file: String? {
        path.flatMap { !mayBeMissing || FileManager.default.fileExists(atPath: $0) ? $0 : nil }
    }
}
