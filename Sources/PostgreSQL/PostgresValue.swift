// SPDX-License-Identifier: Apache-2.0

/// A parameter of a statement. It travels apart from the statement's text.
package enum PostgresValue: Sendable, Hashable {
    case null
    /// For text, and in its text form for any type: the server reads it as the type that the place has.
    case text(String)
    case integer(Int64)
    case octets([UInt8])

    /// What is sent: octets, and whether they are in the type's binary form.
    var encoded: (octets: [UInt8], isBinary: Bool)? {
        switch self {
        case .null: nil
        // The text form ends with NUL, and a text of the server's can hold none.
        case .text(let text): (Array(text.utf8.filter { $0 != 0 }) + [0], false)
        case .integer(let number): (Array(String(number).utf8) + [0], false)
        case .octets(let octets): (octets, true)
        }
    }
}

/// A row of an answer: the text form of each column.
package struct PostgresRow: Sendable, Hashable {
    let columns: [String?]

    /// Nil for NULL, and for a column that is not there.
    package subscript(_ column: Int) -> String? { columns.indices.contains(column) ? columns[column] : nil }

    package func integer(_ column: Int) -> Int64? { self[column].flatMap { Int64($0) } }

    /// A column of type bytea. - PostgreSQL, 8.4.1: bytea Hex Format.
    package func octets(_ column: Int) -> [UInt8]? {
        guard let text = self[column], text.hasPrefix("\\x") else { return nil }
        let digits = Array(text.utf8.dropFirst(2))
        guard digits.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(digits.count / 2)
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let high = hexDigit(digits[place]), let low = hexDigit(digits[place + 1]) else { return nil }
            octets.append(high << 4 | low)
        }
        return octets
    }
}

private func hexDigit(_ octet: UInt8) -> UInt8? {
    switch octet {
    case 0x30...0x39: octet - 0x30
    case 0x61...0x66: octet - 0x61 + 10
    default: nil
    }
}

/// Something that another session has said on a channel. - PostgreSQL, NOTIFY.
package struct PostgresNotice: Sendable, Hashable {
    package let channel: String
    package let payload: String
}
