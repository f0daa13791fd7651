// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a settings file: the place and the cure.
package struct SettingsProblem: Error, Sendable, Equatable, CustomStringConvertible {
    package let file: String
    /// Counted from 1; 0 when no line is at fault.
    package let line: Int
    package let text: String

    package var description: String { line > 0 ? "\(file):\(line): \(text)" : "\(file): \(text)" }
}

/// The problems of one file, never empty when thrown.
package struct SettingsError: Error, Sendable, CustomStringConvertible {
    package let problems: [SettingsProblem]
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
