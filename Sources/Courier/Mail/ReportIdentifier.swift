// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting

/// A report's id in the form of a message id, the same for each destination and try: by it duplicates are recognized.
///
/// The JSON's id is free text. - RFC 8460 §5.3: Email Transport. - RFC 5322 §3.6.4: Identification Fields.
struct ReportIdentifier: Sendable, Hashable, CustomStringConvertible {
    /// A header line holds 998 octets.
    private static let maxLeftOctets = 400

    let description: String

    init(_ report: CompressedReport) {
        var left = report.reportID[...]
        // An id that is of the form already stays as it is.
        let ending = "@\(report.submitter)"
        if left.hasSuffix(ending) { left = left.dropLast(ending.count) }
        description = "<\(Self.atoms(left))@\(report.submitter)>"
    }

    /// A dot-atom of the text: what it cannot hold is written `=HH`.
    private static func atoms(_ text: Substring) -> String {
        var atoms = ""
        for byte in text.utf8 where atoms.utf8.count < maxLeftOctets {
            let isDotInside = byte == UInt8(ascii: ".") && !atoms.isEmpty && !atoms.hasSuffix(".")
            if isDotInside || (Mailbox.atext.contains(byte) && byte != UInt8(ascii: "=")) {
                atoms.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                atoms += "=" + (digits.utf8.count < 2 ? "0" : "") + digits
            }
        }
        if atoms.hasSuffix(".") { atoms += "=" }
        return atoms.isEmpty ? "=" : atoms
    }
}
