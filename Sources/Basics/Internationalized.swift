// SPDX-License-Identifier: Apache-2.0
import CIDN2

/// Which characters the transitional mappings of UTS #46 change, and they alone. - UTS #46 §7: IDNA Comparison.
private let deviating: [Unicode.Scalar] = ["\u{DF}", "\u{3C2}", "\u{200C}", "\u{200D}"]

/// The A-label form of a name with U-labels, by UTS #46 without the transitional mappings. - RFC 5891 §5: Lookup.
/// - Deviation: names with characters that IDNA2008 forbids, such as `☃`, are read as well.
func asciiForm(ofInternationalName text: String) throws(DomainNameError) -> String {
    // libidn2 reads to the first NUL: what follows one would be lost unseen.
    guard !text.utf8.contains(0) else { throw .forbiddenCharacter }
    if let name = asciiForm(text, IDN2_NONTRANSITIONAL) { return name }
    // With these mappings libidn2 leaves out the tests of IDNA2008.
    guard !text.unicodeScalars.contains(where: deviating.contains), let name = asciiForm(text, IDN2_TRANSITIONAL) else {
        throw .notInternational
    }
    return name
}

private func asciiForm(_ text: String, _ mappings: idn2_flags) -> String? {
    var output: UnsafeMutablePointer<CChar>?
    let code = idn2_to_ascii_8z(text, &output, Int32(IDN2_NFC_INPUT.rawValue | mappings.rawValue))
    defer { idn2_free(output) }
    guard code == IDN2_OK.rawValue, let output else { return nil }
    return String(cString: output)
}
