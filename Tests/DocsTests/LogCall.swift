// SPDX-License-Identifier: Apache-2.0

/// One message that the program logs.
struct LogCall: Hashable, CustomStringConvertible {
    let message: String
    let level: String
    let file: String

    var description: String { "\(level): \(message) (\(file))" }
}

/// The log calls of the sources.
enum LogCalls {
    static let levels = ["debug", "info", "notice", "warning", "error", "critical"]

    /// Where the messages of calls stand that give no literal: the call's first argument in its file, and the
    /// declaration whose literals are meant.
    struct Indirect: Hashable {
        let file: String
        let argument: String
        let level: String

        init(_ file: String, _ argument: String, level: String = "warning") {
            self.file = file
            self.argument = argument
            self.level = level
        }
    }

    /// All calls with a message of their own, and those whose message stands elsewhere.
    static let found: (direct: [LogCall], indirect: Set<Indirect>) = {
        var direct: [LogCall] = []
        var indirect: Set<Indirect> = []
        for source in Project.sources {
            for call in source.code.matches(of: /[lL]ogger\.(debug|info|notice|warning|error|critical|log)\(/) {
                var argument = firstArgument(source.code[call.range.upperBound...])
                var levels = [String(call.1)]
                if call.1 == "log" {
                    // The message is behind the level; which levels there are says the file.
                    argument = firstArgument(source.code[argument.endIndex...].dropFirst())
                    levels = source.code.matches(of: /\.(debug|info|notice|warning|error|critical)\b(?!\()/).map {
                        String($0.1)
                    }
                }
                let messages = source.literals(in: argument).filter { $0 != SwiftSource.placeholder }
                for level in Set(levels) {
                    direct += messages.map { LogCall(message: $0, level: level, file: source.path) }
                    if messages.isEmpty {
                        let text = argument.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                        let isValue = text.wholeMatch(of: /"[0-9]+"/) != nil
                        indirect.insert(
                            Indirect(source.name, isValue ? "a value" : text, level: level))
                    }
                }
            }
        }
        return (direct, indirect)
    }()

    /// Up to the comma or the parenthesis that ends it.
    static func firstArgument(_ code: Substring) -> Substring {
        var depth = 0
        for index in code.indices {
            switch code[index] {
            case "(", "[", "{": depth += 1
            case ")", "]", "}":
                if depth == 0 { return code[..<index] }
                depth -= 1
            case ",": if depth == 0 { return code[..<index] }
            default: break
            }
        }
        return code
    }
}
