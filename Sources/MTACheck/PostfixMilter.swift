// SPDX-License-Identifier: Apache-2.0

/// One element of Postfix's `smtpd_milters`: a socket, or a socket and attributes in braces.
struct PostfixMilter: Sendable, Hashable {
    let socket: String
    let attributes: [String: String]

    /// Reads a whole list; what stands in braces is one element.
    static func list(_ text: String) -> [PostfixMilter] {
        elements(text[...]).compactMap { element in
            guard element.hasPrefix("{") else { return PostfixMilter(socket: String(element), attributes: [:]) }
            let parts = elements(element.dropFirst().dropLast())
            guard let socket = parts.first else { return nil }
            var attributes: [String: String] = [:]
            // An attribute with spaces in it has braces of its own.
            for part in joined(parts.dropFirst()) {
                guard let equals = part.firstIndex(of: "=") else { continue }
                attributes[trimmed(part[..<equals])] = trimmed(part[part.index(after: equals)...])
            }
            return PostfixMilter(socket: String(socket), attributes: attributes)
        }
    }

    /// `name = value` comes apart at its spaces: puts it together again.
    private static func joined(_ parts: ArraySlice<Substring>) -> [String] {
        var whole: [String] = []
        for part in parts {
            let bare = part.hasPrefix("{") ? part.dropFirst().dropLast() : part
            if let last = whole.last, last.hasSuffix("=") || bare.hasPrefix("=") {
                whole[whole.count - 1] = last + bare
            } else {
                whole.append(String(bare))
            }
        }
        return whole
    }

    /// Elements between commas and white space, those in braces whole.
    private static func elements(_ text: Substring) -> [Substring] {
        var elements: [Substring] = []
        var start: Substring.Index?
        var depth = 0
        for index in text.indices {
            let character = text[index]
            if depth == 0, character == "," || character.isWhitespace {
                if let begin = start { elements.append(text[begin..<index]) }
                start = nil
                continue
            }
            if start == nil { start = index }
            if character == "{" { depth += 1 }
            if character == "}", depth > 0 { depth -= 1 }
        }
        if let start { elements.append(text[start...]) }
        return elements
    }
}
