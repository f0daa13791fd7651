// SPDX-License-Identifier: Apache-2.0

/// What a settings file fills in: all settings, or one block such as `[[pin]]`.
package protocol SettingsTable: Sendable {
    /// Every key, in the order of the example file.
    static var keys: [Setting<Self>] { get }
}

/// One key of the settings file: all that the program knows of it.
///
/// Reader, example, manual page and reload work from this declaration. The default is what the key's place holds in a
/// value that no file has filled in, so it stands with the type that uses it, and nowhere else.
package struct Setting<Table: SettingsTable>: Sendable {
    /// When a new value is in force.
    package enum Effect: Sendable, Hashable {
        case reload
        /// The running daemon keeps its value, and says so.
        case restart
    }

    /// `table.name`, or `name` at the top of the file and in a block.
    package let key: String
    package let effect: Effect
    /// A sentence or two for the person who edits the file.
    package let summary: String
    /// Where the value goes; nil if it goes nowhere.
    let path: (PartialKeyPath<Table> & Sendable)?
    /// What the example file shows where there is no default, or where it depends on the host.
    let example: String?
    private let put: @Sendable (TOMLValue, inout Table) throws(WrongValue) -> Void
    private let written: @Sendable (Table) -> String?
    private let isSame: @Sendable (Table, Table) -> Bool
    private let copy: @Sendable (Table, inout Table) -> Void

    /// - Parameters:
    ///   - type: what may stand behind the key.
    ///   - path: where the value goes.
    ///   - example: what to show, as TOML, where there is no default or it depends on the host.
    init<Value: Sendable & Equatable>(
        _ key: String, _ type: SettingType<Value>, to path: WritableKeyPath<Table, Value> & Sendable,
        effect: Effect = .reload, example: String? = nil, _ summary: String
    ) {
        self.key = key
        self.effect = effect
        self.summary = summary
        self.path = path
        self.example = example
        put = { value, table throws(WrongValue) in table[keyPath: path] = try type.read(value) }
        written = { type.write($0[keyPath: path]) }
        isSame = { $0[keyPath: path] == $1[keyPath: path] }
        copy = { $1[keyPath: path] = $0[keyPath: path] }
    }

    /// A key that need not have a value.
    init<Value: Sendable & Equatable>(
        _ key: String, _ type: SettingType<Value>, to path: WritableKeyPath<Table, Value?> & Sendable,
        effect: Effect = .reload, example: String? = nil, _ summary: String
    ) {
        self.init(key, type.optional, to: path, effect: effect, example: example, summary)
    }

    /// The table's name, empty at the top of the file and in a block.
    package var table: String { key.split(separator: ".").dropLast().joined(separator: ".") }
    package var name: String { key.split(separator: ".").last.map(String.init) ?? key }

    func goes(to place: PartialKeyPath<Table>) -> Bool { path.map { $0 as PartialKeyPath<Table> == place } ?? false }

    /// Takes a value of the file to its place.
    func read(_ value: TOMLValue, into table: inout Table) throws(WrongValue) { try put(value, &table) }

    /// The value as a file would have it; nil if there is none.
    func text(in table: Table) -> String? { written(table) }

    /// What the example file shows behind the key: the example, or else the default.
    func shown(_ defaults: Table) -> String { example ?? written(defaults) ?? "\"\"" }

    /// Gives `table` the value of `old`.
    /// - Returns: whether it had another.
    func keep(_ old: Table, in table: inout Table) -> Bool {
        if isSame(old, table) { return false }
        copy(old, &table)
        return true
    }
}
