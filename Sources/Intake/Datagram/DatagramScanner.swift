// SPDX-License-Identifier: Apache-2.0

/// Reads a datagram of the form in which libtlsrpt writes nearly all of them, in one pass over its octets.
///
/// It is the quick way, not a second opinion: for whatever it does not know, such as another member, `null`, a number
/// with a point, an octet above ASCII or an escape by number, it gives nil, and the JSON library decides. What it does
/// read, it reads as the library does (`DatagramScannerTests`, `FuzzDatagram`). Nothing here calls itself, so that no
/// input goes deep.
struct DatagramScanner {
    /// Members of one kind in one list, before the library has to look: more than a datagram of libtlsrpt has.
    private static let maxElements = 128

    private let octets: [UInt8]
    private var place = 0
    /// Whether the last value was one.
    private var isGood = true

    private init(_ octets: [UInt8]) { self.octets = octets }

    /// - Returns: nil if the library must decide.
    static func message(_ octets: [UInt8]) -> DatagramMessage? {
        var scanner = DatagramScanner(octets)
        guard let message = scanner.message() else { return nil }
        scanner.skipBlanks()
        return scanner.place == octets.count ? message : nil
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

    /// The name of a member, and the colon behind it. All that are known fit in a small string.
    private mutating func name() -> String? {
        guard let name = string(), take(":") else { return nil }
        return name
    }

    private mutating func string() -> String? {
        isGood = false
        guard take("\"") else { return nil }
        let start = place
        let octets = octets
        let span = octets.span
        var end = start
        var hasEscape = false
        while end < span.count {
            let octet = span[end]
            if octet == UInt8(ascii: "\"") { break }
            guard octet >= 0x20, octet < 0x80 else { return nil }
            if octet == UInt8(ascii: "\\") {
                hasEscape = true
                end += 1
            }
            end += 1
        }
        guard end < span.count else { return nil }
        place = end + 1
        if hasEscape { return unescaped(octets[start..<end]) }
        isGood = true
        return octets.withUnsafeBufferPointer { String(decoding: $0[start..<end], as: UTF8.self) }
    }

    private mutating func unescaped(_ text: ArraySlice<UInt8>) -> String? {
        var plain: [UInt8] = []
        plain.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            var octet = text[index]
            index += 1
            if octet == UInt8(ascii: "\\") {
                guard index < text.endIndex, let meant = Self.meaning(of: text[index]) else { return nil }
                octet = meant
                index += 1
            }
            plain.append(octet)
        }
        isGood = true
        return String(decoding: plain, as: UTF8.self)
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
        while place < octets.count, (0x30...0x39).contains(octets[place]) {
            guard place - start < 9 else { return nil }
            value = value * 10 + Int(octets[place] - 0x30)
            place += 1
        }
        guard place > start, place - start == 1 || octets[start] != 0x30, place < octets.count else { return nil }
        // Neither a fraction nor an exponent: what follows a member is one of these.
        let next = octets[place]
        isGood = next == UInt8(ascii: ",") || next == UInt8(ascii: "}") || Self.isBlank(next)
        return isGood ? value : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard place < octets.count, octets[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func skipBlanks() {
        while place < octets.count, Self.isBlank(octets[place]) { place += 1 }
    }

    /// - RFC 8259 §2: JSON Grammar.
    private static func isBlank(_ octet: UInt8) -> Bool {
        octet == 0x20 || octet == 0x0A || octet == 0x0D || octet == 0x09
    }
}
