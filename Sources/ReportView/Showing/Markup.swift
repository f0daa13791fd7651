// SPDX-License-Identifier: Apache-2.0

/// HTML of which every interpolated text is escaped: only literals of this module can be markup.
struct Markup: ExpressibleByStringInterpolation {
    /// Longest text, in Unicode scalars.
    static let maxTextScalars = 500

    private(set) var html: String

    init(stringLiteral html: String) { self.html = html }

    init(stringInterpolation: StringInterpolation) { html = stringInterpolation.html }

    init(_ parts: [Markup]) { html = parts.map(\.html).joined() }

    static func += (left: inout Markup, right: Markup) { left.html += right.html }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var html = ""

        init(literalCapacity: Int, interpolationCount: Int) { html.reserveCapacity(literalCapacity) }

        mutating func appendLiteral(_ literal: String) { html += literal }
        mutating func appendInterpolation(_ markup: Markup) { html += markup.html }
        mutating func appendInterpolation(_ markup: [Markup]) { for part in markup { html += part.html } }
        mutating func appendInterpolation(_ number: Int) { html += String(number) }
        mutating func appendInterpolation(_ text: String) { html += escaped(text) }
    }
}

/// Letters of any script stay; what could end a text or an attribute, or is not seen, does not.
private func escaped(_ text: String) -> String {
    var safe = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        guard index < Markup.maxTextScalars else { return safe + "..." }
        switch scalar {
        case "&": safe += "&amp;"
        case "<": safe += "&lt;"
        case ">": safe += "&gt;"
        case "\"": safe += "&quot;"
        case "'": safe += "&#39;"
        default:
            if scalar.isVisible {
                safe.unicodeScalars.append(scalar)
            } else {
                safe += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
    }
    return safe
}
