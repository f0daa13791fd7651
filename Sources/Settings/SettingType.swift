// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why a value is not of its key's type, and what to write instead; one text for each fault.
struct WrongValue: Error {
    let texts: [String]

    init(_ texts: String...) { self.texts = texts }
    init(_ texts: [String]) { self.texts = texts }
}

/// What may stand behind a key: how it is read, and how the example file shows it.
struct SettingType<Value: Sendable>: Sendable {
    let read: @Sendable (TOMLValue) throws(WrongValue) -> Value
    /// In TOML; nil for a value that no text stands for.
    let write: @Sendable (Value) -> String?

    /// The same for a key that need not have a value.
    var optional: SettingType<Value?> {
        SettingType<Value?>(
            read: { [read] value throws(WrongValue) in try read(value) }, write: { [write] in $0.flatMap(write) })
    }

    /// A text that a type reads.
    /// - Parameters:
    ///   - read: nil for a text that it cannot read.
    ///   - fault: what is wrong with such a text, and the cure.
    static func text(
        _ read: @escaping @Sendable (String) -> Value?, write: @escaping @Sendable (Value) -> String?,
        else fault: @escaping @Sendable (String) -> String
    ) -> Self {
        SettingType(
            read: { value throws(WrongValue) in
                guard case .text(let text) = value else { throw WrongValue("must be a text in quotes") }
                guard let value = read(text) else { throw WrongValue(fault(text)) }
                return value
            }, write: { write($0).map(quotedText) })
    }

    /// A text that a type reads, and that an error of its own explains.
    static func text<Fault>(
        _ read: @escaping @Sendable (String) throws(Fault) -> Value,
        else fault: @escaping @Sendable (String, Fault) -> String
    ) -> Self where Value: CustomStringConvertible {
        SettingType(
            read: { value throws(WrongValue) in
                guard case .text(let text) = value else { throw WrongValue("must be a text in quotes") }
                do throws(Fault) { return try read(text) } catch { throw WrongValue(fault(text, error)) }
            }, write: { quotedText($0.description) })
    }

    /// One of several words.
    static func choice(_ words: KeyValuePairs<String, Value>) -> Self where Value: Equatable {
        SettingType(
            read: { value throws(WrongValue) in
                if case .text(let text) = value, let word = words.first(where: { $0.key == text }) { return word.value }
                throw WrongValue("must be \(words.map { quotedText($0.key) }.joined(separator: " or "))")
            }, write: { value in words.first { $0.value == value }.map { quotedText($0.key) } })
    }

    /// `true` or `false`, which mean one value each.
    static func flag(true yes: Value, false no: Value) -> Self where Value: Equatable {
        SettingType(
            read: { value throws(WrongValue) in
                guard case .flag(let flag) = value else { throw WrongValue("must be true or false") }
                return flag ? yes : no
            }, write: { $0 == yes ? "true" : "false" })
    }
}

extension SettingType where Value: CaseIterable & RawRepresentable & Equatable, Value.RawValue == String {
    /// One of the words of an enumeration.
    static var choice: Self {
        SettingType(
            read: { value throws(WrongValue) in
                if case .text(let text) = value, let word = Value(rawValue: text) { return word }
                throw WrongValue("must be \(Value.allCases.map { quotedText($0.rawValue) }.joined(separator: " or "))")
            }, write: { quotedText($0.rawValue) })
    }
}

extension SettingType<String> {
    static var text: Self { text({ $0 }, write: { $0 }, else: { $0 }) }
}

extension SettingType<Bool> {
    static var flag: Self { flag(true: true, false: false) }
}

extension SettingType where Value: FixedWidthInteger {
    static func number(_ range: ClosedRange<Value>) -> Self {
        SettingType(
            read: { value throws(WrongValue) in
                guard case .number(let number) = value, let exact = Value(exactly: number), range.contains(exact) else {
                    throw WrongValue("must be a whole number from \(range.lowerBound) to \(range.upperBound)")
                }
                return exact
            }, write: { "\($0)" })
    }
}

extension SettingType<Duration> {
    static var duration: Self { duration(atLeast: .zero) }

    static func duration(atLeast least: Duration) -> Self {
        SettingType(
            read: { value throws(WrongValue) in
                guard case .text(let text) = value, let duration = Duration(written: text) else {
                    throw WrongValue("must be a duration such as \"5s\", \"10m\", \"12h\" or \"7d\"")
                }
                guard duration >= least else { throw WrongValue("must be \"\(least.written)\" or more") }
                return duration
            }, write: { quotedText($0.written) })
    }
}

extension SettingType {
    /// A list of texts, each read by itself.
    static func list<Element>(of element: SettingType<Element>) -> Self where Value == [Element] {
        SettingType(
            read: { value throws(WrongValue) in
                guard case .list(let items) = value, items.allSatisfy(\.isText) else {
                    throw WrongValue("must be a list of texts such as [\"a\", \"b\"]")
                }
                var elements: [Element] = []
                var faults: [String] = []
                for item in items {
                    do throws(WrongValue) { elements.append(try element.read(item)) } catch { faults += error.texts }
                }
                guard faults.isEmpty else { throw WrongValue(faults) }
                return elements
            }, write: { "[\($0.compactMap(element.write).joined(separator: ", "))]" })
    }

    /// The same in another form.
    func map<Other>(
        _ read: @escaping @Sendable (Value) -> Other, write: @escaping @Sendable (Other) -> Value
    ) -> SettingType<Other> {
        SettingType<Other>(
            read: { [old = self.read] value throws(WrongValue) in read(try old(value)) },
            write: { [old = self.write] in old(write($0)) })
    }
}
