// SPDX-License-Identifier: Apache-2.0

/// A source file as these tests read it: code without comments, and its string literals.
struct SwiftSource {
    /// What stands for an interpolated value, in literals and in the manual.
    static let placeholder = "..."

    let path: String
    /// The code; a literal is `"N"`, where N is its place in ``literals``.
    let code: String
    let literals: [String]

    var name: String { String(path.split(separator: "/").last ?? "") }

    init(path: String, text: String) {
        var scanner = Scanner(text)
        scanner.scan(until: nil)
        self.path = path
        code = String(decoding: scanner.code, as: UTF8.self)
        literals = scanner.literals
    }

    /// The literals of a piece of the code, in order.
    func literals(in piece: Substring) -> [String] {
        piece.matches(of: /"([0-9]+)"/).compactMap { Int($0.1) }.map { literals[$0] }
    }

    /// The code from the first brace behind a declaration to the brace that ends it.
    func body(of declaration: String) -> Substring? {
        guard let found = code.firstRange(of: declaration),
            let start = code[found.upperBound...].firstIndex(of: "{")
        else { return nil }
        var depth = 0
        for index in code[start...].indices {
            if code[index] == "{" { depth += 1 }
            if code[index] == "}" { depth -= 1 }
            if depth == 0 { return code[start...index] }
        }
        return nil
    }
}

/// Walks through Swift's octets. Literals with `#` are not known to it: there are none in messages.
private struct Scanner {
    var code: [UInt8] = []
    var literals: [String] = []
    private let octets: [UInt8]
    private var place = 0

    init(_ text: String) { octets = Array(text.utf8) }

    private func starts(with text: StaticString) -> Bool {
        text.withUTF8Buffer { octets[place...].starts(with: $0) }
    }

    /// Reads code up to the parenthesis that closes it, or to the end.
    mutating func scan(until end: UInt8?) {
        var depth = 0
        while place < octets.count {
            let octet = octets[place]
            if starts(with: "//") {
                while place < octets.count, octets[place] != UInt8(ascii: "\n") { place += 1 }
            } else if starts(with: "/*") {
                while place < octets.count, !starts(with: "*/") { place += 1 }
                place += 2
            } else if octet == UInt8(ascii: "\"") {
                readLiteral()
            } else {
                if octet == UInt8(ascii: "(") { depth += 1 }
                if octet == UInt8(ascii: ")") { depth -= 1 }
                place += 1
                if depth < 0, end == octet { return }
                code.append(octet)
            }
        }
    }

    private mutating func readLiteral() {
        let isLong = starts(with: "\"\"\"")
        place += isLong ? 3 : 1
        var text: [UInt8] = []
        while place < octets.count {
            let octet = octets[place]
            if isLong ? starts(with: "\"\"\"") : octet == UInt8(ascii: "\"") { break }
            if octet == UInt8(ascii: "\\") {
                text += readEscape()
            } else {
                text.append(octet)
                place += 1
            }
        }
        place += isLong ? 3 : 1
        code += Array("\"\(literals.count)\"".utf8)
        literals.append(String(decoding: text, as: UTF8.self))
    }

    private mutating func readEscape() -> [UInt8] {
        let kind = place + 1 < octets.count ? octets[place + 1] : 0
        place += 2
        switch kind {
        case UInt8(ascii: "("):
            // The literals within count, their code does not.
            let end = code.count
            scan(until: UInt8(ascii: ")"))
            code.removeSubrange(end...)
            return Array(SwiftSource.placeholder.utf8)
        case UInt8(ascii: "n"), UInt8(ascii: "\n"): return kind == UInt8(ascii: "n") ? [UInt8(ascii: "\n")] : []
        case UInt8(ascii: "u"):
            while place < octets.count, octets[place] != UInt8(ascii: "}") { place += 1 }
            place += 1
            return Array("?".utf8)
        default: return [kind]
        }
    }
}
