// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Reads a datagram of the form in which libtlsrpt writes nearly all of them, in one pass over its octets.
///
/// It is the quick way, not a second opinion: for whatever it does not know, such as another member, `null`, a number
/// with a point, an octet above ASCII or an escape by number, it gives nil, and the JSON library decides. What it does
/// read, it reads as the library does (`DatagramScannerTests`, `FuzzDatagram`). Nothing here calls itself, so that no
/// input goes deep.
struct DatagramScanner {
    /// Members of one kind in one list, before the library has to look: more than a datagram of libtlsrpt has.
    private static let maxElements = 128

    /// The datagram, which outlives the scanner.
    private let octets: UnsafeRawBufferPointer
    private var place = 0
    /// Whether the last value was one.
    private var isGood = true

    private init(_ octets: UnsafeRawBufferPointer) { self.octets = octets }

    /// - Returns: nil if the library must decide.
    static func message(_ octets: [UInt8]) -> DatagramMessage? {
        octets.withUnsafeBytes { octets in
            var scanner = DatagramScanner(octets)
            guard let message = scanner.message() else { return nil }
            scanner.skipBlanks()
            return scanner.place == octets.count ? message : nil
        }
    }

    private mutating func message() -> DatagramMessage? {
        var version: String?
        var domain: String?
        var record: String?
        var policies: [DatagramPolicy]?
        guard take("{") else { return nil }
        repeat {
            guard let name = name() else { return nil }
            switch name {
            case "dpv" where version == nil: version = string()
            case "d" where domain == nil: domain = string()
            case "pr" where record == nil: record = string()
            case "policies" where policies == nil:
                var list: [DatagramPolicy] = []
                guard take("[") else { return nil }
                repeat {
                    guard list.count < Self.maxElements, let policy = policy() else { return nil }
                    list.append(policy)
                } while take(",")
                guard take("]") else { return nil }
                policies = list
                continue
            default: return nil
            }
            guard isGood else { return nil }
        } while take(",")
        // Another version has a remark, which is the library's way.
        guard take("}"), let domain, let policies, version == nil || version == "1" else { return nil }
        return DatagramMessage(dpv: nil, d: domain, pr: record, policies: policies)
    }

    private mutating func policy() -> DatagramPolicy? {
        var numbers = (type: Int?.none, total: Int?.none, final: Int?.none)
        var domain: String?
        var strings: [String]?
        var hosts: [String]?
        var details: [DatagramDetail]?
        guard take("{") else { return nil }
        repeat {
            guard let name = name() else { return nil }
            switch name {
            case "policy-type" where numbers.type == nil: numbers.type = number()
            case "t" where numbers.total == nil: numbers.total = number()
            case "f" where numbers.final == nil: numbers.final = number()
            case "policy-domain" where domain == nil: domain = string()
            case "policy-string" where strings == nil: strings = list()
            case "mx-host" where hosts == nil: hosts = list()
            case "failure-details" where details == nil:
                var list: [DatagramDetail] = []
                guard take("[") else { return nil }
                repeat {
                    guard list.count < Self.maxElements, let detail = detail() else { return nil }
                    list.append(detail)
                } while take(",")
                guard take("]") else { return nil }
                details = list
                continue
            default: return nil
            }
            guard isGood else { return nil }
        } while take(",")
        guard take("}"), let type = numbers.type, let final = numbers.final else { return nil }
        return DatagramPolicy(
            type: type, domain: domain, strings: strings, mxHosts: hosts, details: details, finalResult: final)
    }

    private mutating func detail() -> DatagramDetail? {
        var code: Int?
        var (s, n, h, r, a, f) = (String?.none, String?.none, String?.none, String?.none, String?.none, String?.none)
        guard take("{") else { return nil }
        repeat {
            guard let name = name() else { return nil }
            switch name {
            case "c" where code == nil: code = number()
            case "s" where s == nil: s = string()
            case "n" where n == nil: n = string()
            case "h" where h == nil: h = string()
            case "r" where r == nil: r = string()
            case "a" where a == nil: a = string()
            case "f" where f == nil: f = string()
            default: return nil
            }
            guard isGood else { return nil }
        } while take(",")
        guard take("}"), let code else { return nil }
        return DatagramDetail(c: code, s: s, n: n, h: h, r: r, a: a, f: f)
    }

    // MARK: Octets, all of them looked at here

    /// The octet at a place; nil outside.
    private subscript(place: Int) -> UInt8? {
        UInt(bitPattern: place) < UInt(bitPattern: octets.count) ? octets[place] : nil
    }

    /// The octets of a range.
    private subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= octets.count)
        return UnsafeRawBufferPointer(rebasing: octets[range])
    }

    /// Eight octets as one number; nil if there are not so many from the place on.
    private func eight(at place: Int) -> UInt64? {
        guard place >= 0, place <= octets.count - 8 else { return nil }
        return octets.loadUnaligned(fromByteOffset: place, as: UInt64.self)
    }

    // MARK: Values

    private mutating func list() -> [String]? {
        var list: [String] = []
        isGood = take("[")
        guard isGood else { return nil }
        repeat {
            guard list.count < Self.maxElements, let text = string() else {
                isGood = false
                return nil
            }
            list.append(text)
        } while take(",")
        isGood = take("]")
        return list
    }

    /// The name of a member, where it lies, and the colon behind it.
    private mutating func name() -> Name? {
        guard take("\"") else { return nil }
        let start = place
        while let octet = self[place], octet != UInt8(ascii: "\"") {
            // Those that are known have no escape.
            guard octet != UInt8(ascii: "\\") else { return nil }
            place += 1
        }
        let name = Name(octets: self[start..<place])
        return take("\"") && take(":") ? name : nil
    }

    /// Compared octet by octet: a text would be made for each.
    private struct Name {
        let octets: UnsafeRawBufferPointer

        static func ~= (known: StaticString, name: Name) -> Bool {
            let count = known.utf8CodeUnitCount
            guard name.octets.count == count, let octets = name.octets.baseAddress else { return false }
            return memcmp(octets, known.utf8Start, count) == 0
        }
    }

    private mutating func string() -> String? {
        isGood = false
        guard take("\"") else { return nil }
        let start = place
        var end = plainEnd(from: start)
        var hasEscape = false
        while let octet = self[end], octet != UInt8(ascii: "\"") {
            guard octet >= 0x20, octet < 0x80 else { return nil }
            if octet == UInt8(ascii: "\\") {
                hasEscape = true
                end += 1
            }
            end += 1
        }
        guard end < octets.count else { return nil }
        place = end + 1
        let text = self[start..<end]
        if hasEscape { return unescaped(text) }
        isGood = true
        return String(decoding: text, as: UTF8.self)
    }

    /// A place up to which there is only plain text from `start` on, eight octets at a time.
    private func plainEnd(from start: Int) -> Int {
        var place = start
        while let word = eight(at: place) {
            // The upper bit of an octet is set by one above ASCII, below a blank, by a quote and by a backslash; a borrow may
            // set it for others behind those.
            let quote = (word ^ 0x2222_2222_2222_2222) &- 0x0101_0101_0101_0101
            let backslash = (word ^ 0x5C5C_5C5C_5C5C_5C5C) &- 0x0101_0101_0101_0101
            let marks = word | (word &- 0x2020_2020_2020_2020) | quote | backslash
            guard marks & 0x8080_8080_8080_8080 == 0 else { break }
            place += 8
        }
        return place
    }

    private mutating func unescaped(_ text: UnsafeRawBufferPointer) -> String? {
        var isKnown = true
        let plain = String(unsafeUninitializedCapacity: text.count) { plain in
            var (index, end) = (0, 0)
            while index < text.count {
                var octet = text[index]
                index += 1
                if octet == UInt8(ascii: "\\") {
                    guard index < text.count, let meant = Self.meaning(of: text[index]) else {
                        isKnown = false
                        return 0
                    }
                    octet = meant
                    index += 1
                }
                plain[end] = octet
                end += 1
            }
            return end
        }
        isGood = isKnown
        return isKnown ? plain : nil
    }

    /// - RFC 8259 §7: Strings; without those by number.
    private static func meaning(of escape: UInt8) -> UInt8? {
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): escape
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// A number of at most nine digits, as they all are.
    private mutating func number() -> Int? {
        isGood = false
        skipBlanks()
        let start = place
        var value = 0
        while let octet = self[place], octet &- 0x30 < 10 {
            guard place - start < 9 else { return nil }
            value = value * 10 + Int(octet &- 0x30)
            place += 1
        }
        guard place > start, place - start == 1 || self[start] != 0x30, let next = self[place] else { return nil }
        // Neither a fraction nor an exponent: what follows a member is one of these.
        isGood = next == UInt8(ascii: ",") || next == UInt8(ascii: "}") || Self.isBlank(next)
        return isGood ? value : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard self[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func skipBlanks() {
        while let octet = self[place], Self.isBlank(octet) { place += 1 }
    }

    /// - RFC 8259 §2: JSON Grammar.
    private static func isBlank(_ octet: UInt8) -> Bool {
        octet == 0x20 || octet == 0x0A || octet == 0x0D || octet == 0x09
    }
}
