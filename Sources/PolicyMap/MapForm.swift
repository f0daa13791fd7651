// SPDX-License-Identifier: Apache-2.0

/// What the MTA that asks is able to read.
package enum MapForm: String, Sendable, Hashable, CaseIterable {
    /// Postfix 3.4 and later: level, names and SNI.
    case postfix
    /// Postfix 3.10 and later: also what a TLS report needs, and MX patterns that Postfix itself checks since 3.10.5.
    case postfixTLSRPT = "postfix-tlsrpt"
    /// Sendmail with FEATURE(`sts_milter') or FEATURE(`sts'): level, names and SNI, the last attribute being literally `servername=hostname`.
    case sendmail
}

/// The forms by the name that stands in the MTA's configuration, which is the first word of each request.
struct MapNames: Sendable {
    private let forms: [(name: [UInt8], form: MapForm)]

    init(_ names: [String: MapForm]) {
        forms = names.map { (name: Array($0.key.utf8), form: $0.value) }
    }

    /// The form for a name; nil when nobody configured it.
    func form(of name: UnsafeRawBufferPointer) -> MapForm? {
        for (known, form) in forms where known.count == name.count && known.elementsEqual(name) { return form }
        return nil
    }
}
