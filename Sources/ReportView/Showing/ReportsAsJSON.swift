// SPDX-License-Identifier: Apache-2.0
import Basics
import HTML
import TLSRPT

/// The reports as a JSON array, each as we would have written it, safe for a terminal.
package struct ReportsAsJSON: ReportForm {
    private var isEmpty = true

    package init() {}

    package mutating func add(_ report: Report, from source: String) -> String {
        // Only text and numbers are in a report, and these can always be written.
        let json = (try? report.json(pretty: true)) ?? []
        defer { isEmpty = false }
        return (isEmpty ? "[\n" : ",\n") + Self.visible(json)
    }

    package mutating func end() -> String { isEmpty ? "[]\n" : "\n]\n" }

    /// JSON demands an escape for control characters of ASCII only; here all that is not seen gets one.
    private static func visible(_ json: [UInt8]) -> String {
        // Most reports are safe as they are.
        if json.allSatisfy({ $0 == 0x0A || (0x20..<0x7F).contains($0) }) {
            return String(decoding: json, as: UTF8.self)
        }
        var text = String.UnicodeScalarView()
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            // Line ends stand between the members, never in a text.
            if scalar == "\n" || scalar.isVisible {
                text.append(scalar)
            } else {
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                    text.append(contentsOf: unicodeEscape(unit).unicodeScalars)
                }
            }
        }
        return String(text)
    }
}
