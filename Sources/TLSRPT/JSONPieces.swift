// SPDX-License-Identifier: Apache-2.0

/// A JSON text read once, from front to end, of which no more than a piece and one string are held at a time.
///
/// - RFC 8259 §2: JSON Grammar. Octets that are no UTF-8 become replacement characters: some senders write a name in
///   another character set.
struct JSONPieces {
    /// Objects and arrays in one another that are skipped; a report itself needs six.
    static let maxDepth = 64
    /// Longest number, in octets: more digits than a count can have.
    private static let maxNumberOctets = 40

    private let more: () -> [UInt8]
    private var utf16: UTF16Pieces?
    private var piece: [UInt8] = []
    private var position = 0
    private var scratch: [UInt8] = []
    private var hasBegun = false
    /// Whether a string was longer than it may be, since this was last set.
    var hasCut = false

    /// - Parameter more: gives the next octets, none at the end.
    init(_ more: @escaping () -> [UInt8]) { self.more = more }

    private static let invalid = ReportError(description: "not valid JSON")

    /// The next octet that is no white space; nil at the end.
    mutating func next() -> UInt8? {
        if !hasBegun { begin() }
        while let octet = peek() {
            guard octet == 0x20 || octet == 0x0A || octet == 0x0D || octet == 0x09 else { return octet }
            position += 1
        }
        return nil
    }

    /// Passes over what may stand between two texts of one file: white space, NUL, and a byte order mark.
    /// - Returns: whether there is more.
    mutating func isNextText() -> Bool {
        while next() == 0 { position += 1 }
        skipByteOrderMark()
        return next() != nil
    }

    /// Whether the next value begins with this character.
    mutating func isNext(_ character: Unicode.Scalar) -> Bool { next() == UInt8(ascii: character) }

    /// Takes the character if it is next.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard isNext(character) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(ReportError) {
        guard take(character) else { throw Self.invalid }
    }

    /// Takes `null` if it is next.
    mutating func takeNull() throws(ReportError) -> Bool {
        guard isNext("n") else { return false }
        try word("null")
        return true
    }

    /// The text of a string, whole characters of it up to `limit` octets; the rest is read and dropped.
    mutating func string(limit: Int) throws(ReportError) -> String {
        try expect("\"")
        scratch.removeAll(keepingCapacity: true)
        while let octet = peek() {
            position += 1
            switch octet {
            case UInt8(ascii: "\""): return text(limit: limit)
            case UInt8(ascii: "\\"): try escape(limit: limit)
            case 0..<0x20: throw Self.invalid
            default: if scratch.count <= limit { scratch.append(octet) }
            }
        }
        throw Self.invalid
    }

    /// The same, where it is no matter that the rest is dropped: nothing is shown of it.
    mutating func name(limit: Int) throws(ReportError) -> String {
        let before = hasCut
        defer { hasCut = before }
        return try string(limit: limit)
    }

    private mutating func text(limit: Int) -> String {
        let text = String(decoding: scratch, as: UTF8.self)
        guard text.utf8.count > limit else { return text }
        hasCut = true
        var end = text.utf8.index(text.startIndex, offsetBy: limit)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    /// The text of a number.
    mutating func number() throws(ReportError) -> String {
        var digits: [UInt8] = []
        _ = next()
        while let octet = peek(), Self.isOfNumber(octet) {
            position += 1
            guard digits.count < Self.maxNumberOctets else { throw Self.invalid }
            digits.append(octet)
        }
        guard !digits.isEmpty else { throw Self.invalid }
        return String(decoding: digits, as: UTF8.self)
    }

    private static func isOfNumber(_ octet: UInt8) -> Bool {
        (0x30...0x39).contains(octet) || octet == UInt8(ascii: "-") || octet == UInt8(ascii: "+")
            || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "e") || octet == UInt8(ascii: "E")
    }

    /// Reads any value and drops it.
    mutating func skip(depth: Int = 0) throws(ReportError) {
        guard depth < Self.maxDepth else { throw Self.invalid }
        switch next() {
        case UInt8(ascii: "{"):
            position += 1
            if take("}") { return }
            repeat {
                _ = try name(limit: 0)
                try expect(":")
                try skip(depth: depth + 1)
            } while take(",")
            try expect("}")
        case UInt8(ascii: "["):
            position += 1
            if take("]") { return }
            repeat { try skip(depth: depth + 1) } while take(",")
            try expect("]")
        case UInt8(ascii: "\""):
            _ = try name(limit: 0)
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: _ = try number()
        }
    }

    private mutating func word(_ word: StaticString) throws(ReportError) {
        for octet in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) {
            guard peek() == octet else { throw Self.invalid }
            position += 1
        }
    }

    private mutating func escape(limit: Int) throws(ReportError) {
        guard let octet = peek() else { throw Self.invalid }
        position += 1
        let scalar: Unicode.Scalar
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scalar = Unicode.Scalar(octet)
        case UInt8(ascii: "b"): scalar = "\u{8}"
        case UInt8(ascii: "f"): scalar = "\u{c}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        case UInt8(ascii: "u"): scalar = try codeUnits()
        default: throw Self.invalid
        }
        if scratch.count <= limit {
            scratch.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    /// - RFC 8259 §7: other characters are a pair of surrogates.
    private mutating func codeUnits() throws(ReportError) -> Unicode.Scalar {
        let high = try codeUnit()
        if let scalar = Unicode.Scalar(high) { return scalar }
        guard (0xD800..<0xDC00).contains(high), peek() == UInt8(ascii: "\\") else { throw Self.invalid }
        position += 1
        guard peek() == UInt8(ascii: "u") else { throw Self.invalid }
        position += 1
        let low = try codeUnit()
        guard (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(high) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
        else { throw Self.invalid }
        return scalar
    }

    private mutating func codeUnit() throws(ReportError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let octet = peek(), let digit = Character(Unicode.Scalar(octet)).hexDigitValue, octet < 0x80 else {
                throw Self.invalid
            }
            position += 1
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    private mutating func peek() -> UInt8? {
        if position < piece.count { return piece[position] }
        repeat {
            piece = more()
            position = 0
            if piece.isEmpty { return nil }
            if let text = utf16?.utf8(piece) { piece = text }
        } while piece.isEmpty
        return piece.first
    }

    private mutating func begin() {
        hasBegun = true
        piece = more()
        utf16 = UTF16Pieces(beginning: piece[...])
        if let text = utf16?.utf8(piece) { piece = text }
        skipByteOrderMark()
    }

    private mutating func skipByteOrderMark() {
        guard peek() == 0xEF else { return }
        for octet: UInt8 in [0xEF, 0xBB, 0xBF] where peek() == octet { position += 1 }
    }
}
