// SPDX-License-Identifier: Apache-2.0

/// The `relaxed` forms in which headers and bodies are signed.
package enum DKIMCanonical {
    /// The field without its line end. - RFC 6376 §3.4.2: The "relaxed" Header Canonicalization Algorithm.
    package static func relaxed(_ field: MailMessage.Field) -> String {
        let words = field.value.utf8.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        let value = words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
        return "\(field.name.lowercased()):\(value)"
    }

    /// - Parameter body: ends with CRLF, if it is not empty.
    /// - RFC 6376 §3.4.4: The "relaxed" Body Canonicalization Algorithm.
    package static func relaxed(body: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(body.count)
        var hasBlank = false
        var emptyLines = 0
        for byte in body {
            switch byte {
            case 0x20, 0x09: hasBlank = true
            case 0x0D: break
            case 0x0A:
                hasBlank = false
                // Empty lines count only if something follows.
                if result.isEmpty || result.last == 0x0A { emptyLines += 1 } else { result += [0x0D, 0x0A] }
            default:
                for _ in 0..<emptyLines { result += [0x0D, 0x0A] }
                emptyLines = 0
                if hasBlank { result.append(0x20) }
                hasBlank = false
                result.append(byte)
            }
        }
        return result
    }
}
