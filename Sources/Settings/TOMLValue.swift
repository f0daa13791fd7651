// SPDX-License-Identifier: Apache-2.0
import TOMLKit

/// A value of a TOML file, as far as settings need it.
enum TOMLValue: Sendable, Equatable {
    case text(String)
    case flag(Bool)
    case number(Int)
    case list([TOMLValue])
    case table([String: TOMLValue])
    /// A date, a time or a fraction, which no setting is.
    case other

    var isText: Bool { if case .text = self { true } else { false } }

    /// Reads a whole file, which is a table.
    static func file(_ text: String) throws(TOMLFault) -> [String: TOMLValue] {
        do { return entries(try TOMLTable(string: text)) } catch let error as TOMLParseError {
            // As tomlplusplus shows a line feed.
            var text = error.description.replacing("saw '\\n'", with: "saw the end of the line")
            if text.firstRange(of: "could not determine value type") != nil {
                text += "; write texts in quotes, such as \"log\""
            }
            throw TOMLFault(line: error.source.begin.line, text: text)
        } catch {
            throw TOMLFault(line: 0, text: "\(error)")
        }
    }

    private init(_ value: any TOMLValueConvertible) {
        if let text = value.string {
            self = .text(text)
        } else if let flag = value.bool {
            self = .flag(flag)
        } else if let number = value.int {
            self = .number(number)
        } else if let list = value.array {
            self = .list(list.map { TOMLValue($0) })
        } else if let table = value.table {
            self = .table(Self.entries(table))
        } else {
            self = .other
        }
    }

    private static func entries(_ table: TOMLTable) -> [String: TOMLValue] {
        var entries: [String: TOMLValue] = [:]
        for key in table.keys {
            if let value = table[key] { entries[key] = TOMLValue(value) }
        }
        return entries
    }
}

/// Why a text is not TOML.
struct TOMLFault: Error {
    /// Counted from 1; 0 when it is not known.
    let line: Int
    let text: String
}
