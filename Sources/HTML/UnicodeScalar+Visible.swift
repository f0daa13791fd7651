// SPDX-License-Identifier: Apache-2.0

extension Unicode.Scalar {
    /// Whether it is seen and changes nothing around it: no control character, and no format character, which can turn
    /// the direction of the text.
    package var isVisible: Bool {
        if isASCII { return (0x20..<0x7F).contains(value) }
        return switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
