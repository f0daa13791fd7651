// SPDX-License-Identifier: Apache-2.0

/// The text in quotes, as a string of JSON and as a basic string of TOML, which forbids DEL as well.
///
/// - RFC 8259 §7: Strings.
package func quotedText(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": quoted += "\\\(scalar)"
        case "\u{0}"..<"\u{20}", "\u{7F}": quoted += unicodeEscape(UInt16(scalar.value))
        default: quoted.unicodeScalars.append(scalar)
        }
    }
    return quoted + "\""
}

/// A unit of UTF-16 as JSON and TOML write it by its number: `\u000a`.
package func unicodeEscape(_ unit: UInt16) -> String {
    let digits = String(unit, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
}
