// SPDX-License-Identifier: Apache-2.0

/// One element of Postfix's `smtpd_milters`: a socket, or a socket and attributes in braces.
struct PostfixMilter: Sendable, Hashable {
    /// As it stands in main.cf.
    let text: String
    let socket: String
    let attributes: [String: String]

    /// Reads a whole list; what stands in braces is one element.
    static func list(_ text: String) -> [PostfixMilter] {
        PostfixList.elements(text).compactMap { element in
            guard element.hasPrefix("{") else { return PostfixMilter(text: element, socket: element, attributes: [:]) }
            let parts = PostfixList.elements(element.dropFirst().dropLast())
            guard let socket = parts.first else { return nil }
            var attributes: [String: String] = [:]
            // An attribute with spaces in it has braces of its own.
            for part in joined(parts.dropFirst()) {
                guard let equals = part.firstIndex(of: "=") else { continue }
                attributes[trimmed(part[..<equals])] = trimmed(part[part.index(after: equals)...])
            }
            return PostfixMilter(text: element, socket: socket, attributes: attributes)
        }
    }

    /// `name = value` comes apart at its spaces: puts it together again.
    private static func joined(_ parts: ArraySlice<String>) -> [String] {
        var whole: [String] = []
        for part in parts {
            let bare = part.hasPrefix("{") ? part.dropFirst().dropLast() : part[...]
            if let last = whole.last, last.hasSuffix("=") || bare.hasPrefix("=") {
                whole[whole.count - 1] = last + bare
            } else {
                whole.append(String(bare))
            }
        }
        return whole
    }
}
