// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import TOMLKit

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

/// A settings file as read: every value is of its key's kind, all else is among the problems.
package struct SettingsFile: Sendable {
    package enum Value: Sendable, Equatable {
        case text(String), flag(Bool), number(Int), duration(Duration), list([String])
    }

    package let name: String
    package private(set) var values: [String: Value] = [:]
    /// The blocks of each kind, in the order of the file.
    package private(set) var blocks: [SettingsBlock.Kind: [[String: Value]]] = [:]
    package private(set) var warnings: [SettingsProblem] = []
    /// Keys that are unknown or not of their kind; whoever takes the values throws them with what it finds itself.
    package private(set) var problems: [SettingsProblem] = []
    private let lines: SettingsLines

    /// Largest file read, in bytes.
    private static let limitBytes = 1 << 20

    /// Reads the file at `path`.
    package init(path: String) throws(SettingsError) {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw SettingsError(problems: [
                SettingsProblem(
                    file: path, line: 0,
                    text: "cannot be read; name another with --config, or create it (all keys are optional)")
            ])
        }
        guard bytes.count <= Self.limitBytes else {
            throw SettingsError(problems: [
                SettingsProblem(file: path, line: 0, text: "is larger than \(Self.limitBytes) bytes")
            ])
        }
        try self.init(text: String(decoding: bytes, as: UTF8.self), name: path)
    }

    /// Reads settings from a text; `name` stands for the file in problems.
    package init(text: String, name: String) throws(SettingsError) {
        self.name = name
        lines = SettingsLines(text)
        let root: TOMLTable
        do { root = try TOMLTable(string: SettingsBlock.separated(text)) } catch let error as TOMLParseError {
            throw SettingsError(problems: [
                SettingsProblem(
                    file: name, line: error.source.begin.line, text: "not TOML: \(printable(error.description))")
            ])
        } catch {
            throw SettingsError(problems: [
                SettingsProblem(file: name, line: 0, text: "not TOML: \(printable("\(error)"))")
            ])
        }
        read(root)
    }

    /// A problem with the value of a key, for checks that come after reading.
    package func problem(_ key: String, in block: SettingsBlock? = nil, _ text: String) -> SettingsProblem {
        SettingsProblem(file: name, line: lines.line(of: key, in: block), text: "\(key): \(text)")
    }

    private mutating func read(_ root: TOMLTable) {
        let settings = Dictionary(uniqueKeysWithValues: settingsTable.map { ($0.key, $0) })
        let tables = Set(settingsTable.map(\.table))
        for name in root.keys {
            if let kind = SettingsBlock.Kind.allCases.first(where: { $0.parsedName == name }),
                let list = root[name]?.array
            {
                readBlocks(kind, list)
            } else if tables.contains(name), let table = root[name]?.table {
                for key in table.keys { read("\(name).\(key)", table[key], settings) }
            } else {
                read(name, root[name], settings)
            }
        }
    }

    private mutating func read(
        _ key: String, _ value: (any TOMLValueConvertible)?, _ settings: [String: Setting]
    ) {
        guard let setting = settings[key] else { return problems.append(unknown(key, among: Array(settings.keys))) }
        switch Self.read(value, as: setting.kind) {
        case .success(let read): values[key] = read
        case .failure(let expected): problems.append(problem(key, expected.text))
        }
        if !setting.isServed { warnings.append(problem(key, "has no effect in this version")) }
    }

    private mutating func readBlocks(_ kind: SettingsBlock.Kind, _ list: TOMLArray) {
        let settings = Dictionary(uniqueKeysWithValues: kind.settings.map { ($0.key, $0) })
        for (index, element) in list.enumerated() {
            let block = SettingsBlock(kind: kind, index: index)
            guard let table = element.table else {
                problems.append(problem(kind.rawValue, in: block, "must be written [[\(kind.rawValue)]]"))
                continue
            }
            var values: [String: Value] = [:]
            for key in table.keys {
                guard let setting = settings[key] else {
                    problems.append(unknown(key, among: Array(settings.keys), in: block))
                    continue
                }
                switch Self.read(table[key], as: setting.kind) {
                case .success(let read): values[key] = read
                case .failure(let expected): problems.append(problem(key, in: block, expected.text))
                }
            }
            blocks[kind, default: []].append(values)
        }
    }

    private func unknown(_ key: String, among known: [String], in block: SettingsBlock? = nil) -> SettingsProblem {
        let name = key.split(separator: ".").last.map(String.init) ?? key
        let near = known.filter { $0 == name || $0.hasSuffix("." + name) || editDistance($0, key) <= 2 }.sorted()
        let cure =
            near.isEmpty
            ? "remove it, or see the example file for all keys" : "did you mean \(near.joined(separator: " or "))?"
        return SettingsProblem(
            file: self.name, line: lines.line(of: key, in: block),
            text: "\(printable(key, limit: 60)): unknown key; \(cure)")
    }

    private struct Expected: Error { let text: String }

    private static func read(_ value: (any TOMLValueConvertible)?, as kind: Setting.Kind) -> Result<Value, Expected> {
        switch kind {
        case .text:
            if let text = value?.string { return .success(.text(text)) }
            return .failure(Expected(text: "must be a text in quotes"))
        case .flag:
            if let flag = value?.bool { return .success(.flag(flag)) }
            return .failure(Expected(text: "must be true or false"))
        case .wholeNumber(let range):
            if value?.type == .int, let number = value?.int, range.contains(number) { return .success(.number(number)) }
            return .failure(Expected(text: "must be a whole number from \(range.lowerBound) to \(range.upperBound)"))
        case .duration:
            if let text = value?.string, let duration = duration(text) { return .success(.duration(duration)) }
            return .failure(Expected(text: "must be a duration such as \"5s\", \"10m\", \"12h\" or \"7d\""))
        case .list:
            if let array = value?.array {
                let texts = array.compactMap(\.string)
                if texts.count == array.count { return .success(.list(texts)) }
            }
            return .failure(Expected(text: "must be a list of texts such as [\"a\", \"b\"]"))
        case .choice(let words):
            if let text = value?.string, words.contains(text) { return .success(.text(text)) }
            return .failure(Expected(text: "must be \(words.map { "\"\($0)\"" }.joined(separator: " or "))"))
        }
    }
}

/// Letters to change, add or drop to get from one word to the other.
private func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right.prefix(64))
    var row = Array(0...right.count)
    for (i, a) in left.prefix(64).enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let substitution = diagonal + (a == b ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[right.count]
}
