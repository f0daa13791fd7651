// SPDX-License-Identifier: Apache-2.0

/// The record types that mail routing asks for.
package enum RecordType: UInt16, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case a = 1
    case cname = 5
    case mx = 15
    case txt = 16
    case aaaa = 28
    case tlsa = 52

    package var description: String {
        switch self {
        case .a: "A"
        case .cname: "CNAME"
        case .mx: "MX"
        case .txt: "TXT"
        case .aaaa: "AAAA"
        case .tlsa: "TLSA"
        }
    }

    /// How many records of one answer are looked at: a hostile zone can put thousands into one.
    var recordLimit: Int {
        switch self {
        // A name has one alias at most. - RFC 1034 §3.6.2: Aliases and canonical names.
        case .cname: 1
        case .a, .aaaa, .tlsa: 32
        case .txt: 64
        case .mx: 100
        }
    }
}
