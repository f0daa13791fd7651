// SPDX-License-Identifier: Apache-2.0

/// A list in main.cf, such as that of `smtp_tls_policy_maps`.
package enum PostfixList {
    /// Its elements: between commas and white space, what stands in braces whole, as `inline:{ { a = b, c } }` does.
    package static func elements(_ text: some StringProtocol) -> [String] {
        var elements: [String] = []
        var element = ""
        var depth = 0
        for character in text {
            if depth == 0, character == "," || character.isWhitespace {
                if !element.isEmpty { elements.append(element) }
                element = ""
                continue
            }
            element.append(character)
            if character == "{" { depth += 1 }
            if character == "}", depth > 0 { depth -= 1 }
        }
        return element.isEmpty ? elements : elements + [element]
    }
}
