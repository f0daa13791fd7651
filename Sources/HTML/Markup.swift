// SPDX-License-Identifier: Apache-2.0

/// HTML of which every interpolated text is escaped: only literals of our own sources can be markup.
package struct Markup: Sendable, ExpressibleByStringInterpolation {
    /// Longest text, in Unicode scalars.
    package static let maxTextScalars = 500

    package private(set) var html: String

    package init(stringLiteral html: String) { self.html = html }

    package init(stringInterpolation: StringInterpolation) { html = stringInterpolation.html }

    package init(_ parts: [Markup]) { html = parts.map(\.html).joined() }

    package static func + (left: Markup, right: Markup) -> Markup { Markup([left, right]) }
    package static func += (left: inout Markup, right: Markup) { left.html += right.html }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var html = ""

        package init(literalCapacity: Int, interpolationCount: Int) { html.reserveCapacity(literalCapacity) }

        package mutating func appendLiteral(_ literal: String) { html += literal }
        package mutating func appendInterpolation(_ markup: Markup) { html += markup.html }
        package mutating func appendInterpolation(_ markup: [Markup]) { for part in markup { html += part.html } }
        package mutating func appendInterpolation(_ number: Int) { html += String(number) }
        package mutating func appendInterpolation(_ text: String) { html += escaped(text) }
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
