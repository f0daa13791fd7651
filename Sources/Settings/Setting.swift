// SPDX-License-Identifier: Apache-2.0

/// One key of the settings file: what the parser, the example file and the manual know of it.
package struct Setting: Sendable {
    /// What may stand behind the key.
    package enum Kind: Sendable, Equatable {
        case text, flag, wholeNumber(ClosedRange<Int>), duration, list
        case choice([String])
    }

    /// `table.key`, or `key` at the top of the file.
    package let key: String
    package let kind: Kind
    /// In TOML; nil when the key has no value of its own unless one is given.
    package let defaultValue: String?
    /// A sentence or two for the person who edits the file.
    package let summary: String
    /// A value to show when there is no default.
    package let example: String?
    /// False for a name that is kept for a later version: it is accepted, with a warning that it does nothing yet.
    package let isServed: Bool

    init(
        _ key: String, _ kind: Kind, _ defaultValue: String?, _ summary: String, example: String? = nil,
        isServed: Bool = true
    ) {
        self.key = key
        self.kind = kind
        self.defaultValue = defaultValue
        self.summary = summary
        self.example = example
        self.isServed = isServed
    }

    /// The table's name, empty at the top of the file.
    package var table: String { key.split(separator: ".").dropLast().joined(separator: ".") }
    package var name: String { key.split(separator: ".").last.map(String.init) ?? key }
}
