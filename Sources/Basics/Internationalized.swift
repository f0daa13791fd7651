// SPDX-License-Identifier: Apache-2.0
import CIDN2

/// The A-label form of a name with U-labels, by UTS #46 without the transitional mappings. - RFC 5891 §5: Lookup.
func asciiForm(ofInternationalName text: String) throws(DomainNameError) -> String {
    // libidn2 reads to the first NUL: what follows one would be lost unseen.
    guard !text.utf8.contains(0) else { throw .forbiddenCharacter }
    var output: UnsafeMutablePointer<CChar>?
    let flags = Int32(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)
    let code = idn2_to_ascii_8z(text, &output, flags)
    defer { idn2_free(output) }
    guard code == IDN2_OK.rawValue, let output else { throw .notInternational }
    return String(cString: output)
}
