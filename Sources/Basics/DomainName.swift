// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A host or domain name in its one comparable form: A-labels, lower case, no trailing dot.
///
/// A value exists only if every label keeps the LDH rule (letters, digits, hyphens, no hyphen at either
/// end), is at most 63 octets, and the whole is at most 253. A name whose last label is all digits is an
/// address or nonsense, never a domain. Address literals are ``IPAddress``.
package struct DomainName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Octets of a name without the trailing dot. - RFC 1035 §2.3.4: Size limits.
    package static let maxOctets = 253
    /// Octets of one label. - RFC 1035 §2.3.4: Size limits.
    package static let maxLabelOctets = 63

    /// The name as ASCII text.
    package let ascii: String

    package var description: String { ascii }

    /// Reads a name as people and protocols write it: any case, a trailing dot, U-labels.
    package init(_ text: some StringProtocol) throws(DomainNameError) {
        try self.init(reading: String(text), allowing: nil)
    }

    /// The same, without the detour of a generic text: readers of logs come here for each session.
    package init(_ text: String) throws(DomainNameError) { try self.init(reading: text, allowing: nil) }

    package init(host text: String) throws(DomainNameError) {
        try self.init(reading: text, allowing: UInt8(ascii: "_"))
    }

    /// Reads the name of a host as an MTA writes it in logs, datagrams and tables: any case, a trailing dot, U-labels, and
    /// the underscores of ``init(mxHost:)``. Two names of one host are equal, whoever wrote them.
    package init(host text: some StringProtocol) throws(DomainNameError) {
        try self.init(reading: String(text), allowing: UInt8(ascii: "_"))
    }

    /// Not generic, so that its loops are not either: other modules see no further than this.
    private init(reading text: String, allowing extra: UInt8?) throws(DomainNameError) {
        // As nearly all are written: no copy is made then.
        if Self.isValid(text.utf8.span, underscores: extra != nil) {
            ascii = text
            return
        }
        if Self.isASCII(text.utf8.span) {
            ascii = Self.lowercased(text)
        } else {
            // Four octets a character at most: a longer text cannot become a valid name.
            guard text.utf8.count <= 4 * Self.maxOctets else { throw .tooLong }
            ascii = Self.lowercased(try asciiForm(ofInternationalName: text))
        }
        try Self.validate(ascii.utf8.span, allowing: extra)
    }

    private static func isASCII(_ octets: Span<UInt8>) -> Bool {
        var all: UInt8 = 0
        for index in octets.indices { all |= octets[index] }
        return all < 0x80
    }

    /// Reads the name of a host as an MX record gives it, underscores included: an MTA dials such a host although
    /// the name breaks the LDH rule, so it must be judged and cannot be ignored. The DNS knows no U-labels.
    /// - Deviation: underscores in MX names are taken.
    package init(mxHost text: some StringProtocol) throws(DomainNameError) {
        ascii = Self.lowercased(String(text))
        try Self.validate(ascii.utf8.span, allowing: UInt8(ascii: "_"))
    }

    /// ASCII letters in lower case, and no dot at the end.
    private static func lowercased(_ text: String) -> String {
        let octets = text.utf8.span
        let count = octets.count
        return String(unsafeUninitializedCapacity: count) { buffer in
            for index in 0..<count {
                let octet = octets[index]
                buffer[index] = octet >= 0x41 && octet <= 0x5A ? octet | 0x20 : octet
            }
            return count > 0 && buffer[count - 1] == UInt8(ascii: ".") ? count - 1 : count
        }
    }

    /// A name that was cut from a valid one.
    init(unchecked ascii: String) { self.ascii = ascii }

    /// The service name a protocol puts before a domain, such as `_mta-sts` or `_25._tcp`.
    ///
    /// Underscores are not LDH, so the result is a ``QueryName``: good to ask for, not to connect to.
    package func service(_ prefix: StaticString) -> QueryName { QueryName(text: "\(prefix).\(ascii)") }

    /// `_<port>._tcp.<name>`, where TLSA records live. - RFC 6698 §3: Domain Names for TLSA Certificate Associations.
    package func tlsa(port: UInt16) -> QueryName { QueryName(text: "_\(port)._tcp.\(ascii)") }

    /// The name itself as something to ask the DNS for.
    package var query: QueryName { QueryName(text: ascii) }

    /// The name with one more label in front, such as the Policy Host `mta-sts.<domain>`; nil if it grows too long.
    package func child(_ label: StaticString) -> DomainName? {
        let text = "\(label).\(ascii)"
        return text.utf8.count <= Self.maxOctets ? DomainName(unchecked: text) : nil
    }

    /// The name without its left-most label; nil for a single label.
    package var parent: DomainName? {
        guard let dot = ascii.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        return DomainName(unchecked: String(ascii[ascii.utf8.index(after: dot)...]))
    }

    /// Whether `other` is the ``parent``, told without making that name.
    package func isChild(of other: DomainName) -> Bool {
        let own = ascii.utf8.span
        let above = other.ascii.utf8.span
        let label = own.count - above.count - 1
        guard label > 0, own[label] == UInt8(ascii: ".") else { return false }
        return own.withUnsafeBytes { own in
            above.withUnsafeBytes { above in
                guard let octets = own.baseAddress, let theirs = above.baseAddress else { return false }
                return memcmp(octets + label + 1, theirs, above.count) == 0
                    && memchr(octets, Int32(UInt8(ascii: ".")), label) == nil
            }
        }
    }

    /// Whether `self` is `other` or lies below it.
    package func isWithin(_ other: DomainName) -> Bool {
        self == other || (ascii.utf8.count > other.ascii.utf8.count && ascii.hasSuffix("." + other.ascii))
    }

    /// Octet by octet, which for texts of ASCII is what `String` finds out by a longer way.
    package static func == (left: DomainName, right: DomainName) -> Bool {
        let (left, right) = (left.ascii.utf8.span, right.ascii.utf8.span)
        guard left.count == right.count else { return false }
        return left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                guard let ours = left.baseAddress, let theirs = right.baseAddress else { return true }
                return ours == theirs || memcmp(ours, theirs, left.count) == 0
            }
        }
    }

    package var labelCount: Int { ascii.utf8.reduce(1) { $0 + ($1 == UInt8(ascii: ".") ? 1 : 0) } }

    package static func < (left: DomainName, right: DomainName) -> Bool { left.ascii < right.ascii }

    /// Whether there are only octets of names in their one form, dots among them, and underscores on request: eight at a time,
    /// since readers of logs come here several times for each session.
    package static func isMadeOfNameOctets(_ octets: UnsafeRawBufferPointer, orUnderscores: Bool) -> Bool {
        let last = octets.count - 8
        guard last >= 0 else {
            return octets.allSatisfy {
                $0 &- 0x61 < 26 || $0 &- 0x30 < 10 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
                    || (orUnderscores && $0 == UInt8(ascii: "_"))
            }
        }
        var place = 0
        while areNameOctets(octets.loadUnaligned(fromByteOffset: place, as: UInt64.self), orUnderscores) {
            if place == last { return true }
            // The last eight may have been looked at in part.
            place = min(place + 8, last)
        }
        return false
    }

    /// The same of the eight octets of a number. What is found of each stands in its upper bit.
    private static func areNameOctets(_ word: UInt64, _ orUnderscores: Bool) -> Bool {
        let each: UInt64 = 0x0101_0101_0101_0101
        let upper = each << 7
        // No sum is carried into the next octet as long as all are ASCII.
        func from(_ octet: UInt8) -> UInt64 { word &+ each &* (0x80 &- UInt64(octet)) }
        func range(_ first: Unicode.Scalar, _ last: Unicode.Scalar) -> UInt64 {
            from(UInt8(ascii: first)) & ~from(UInt8(ascii: last) + 1)
        }
        let plain = range("a", "z") | range("0", "9") | range("-", ".") | (orUnderscores ? range("_", "_") : 0)
        return word & upper == 0 && plain & upper == upper
    }

    /// Whether a name in its one form keeps all of the rules, which ``validate(_:allowing:)`` tells apart at a higher cost;
    /// false also for a few that it takes.
    private static func isValid(_ bytes: Span<UInt8>, underscores: Bool) -> Bool {
        bytes.withUnsafeBytes { octets in
            guard let name = octets.baseAddress, octets.count <= maxOctets,
                isMadeOfNameOctets(octets, orUnderscores: underscores)
            else { return false }
            var start = 0
            while true {
                let dot = memchr(name + start, CInt(UInt8(ascii: ".")), octets.count - start)
                let end = dot.map { UnsafeRawPointer($0) - name } ?? octets.count
                guard end > start, end - start <= maxLabelOctets, octets[start] != UInt8(ascii: "-"),
                    octets[end - 1] != UInt8(ascii: "-")
                else { return false }
                // A name that begins its last label with a digit is looked at more closely.
                if dot == nil { return octets[start] &- 0x30 >= 10 }
                start = end + 1
            }
        }
    }

    private static func validate(_ bytes: Span<UInt8>, allowing extra: UInt8?) throws(DomainNameError) {
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= maxOctets else { throw .tooLong }
        var labelIsNumeric = true
        var start = 0
        for index in bytes.indices {
            let octet = bytes[index]
            if octet == UInt8(ascii: ".") {
                try validateLabel(bytes, start, index)
                start = index + 1
                labelIsNumeric = true
            } else if octet &- 0x30 >= 10 {
                guard octet &- 0x61 < 26 || octet == UInt8(ascii: "-") || octet == extra else {
                    throw .forbiddenCharacter
                }
                labelIsNumeric = false
            }
        }
        try validateLabel(bytes, start, bytes.count)
        guard !labelIsNumeric else { throw .numericTopLabel }
    }

    /// - Parameter end: behind the label, whose octets are those of a name.
    private static func validateLabel(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) throws(DomainNameError) {
        guard end > start else { throw .emptyLabel }
        guard end - start <= maxLabelOctets else { throw .labelTooLong }
        guard bytes[start] != UInt8(ascii: "-"), bytes[end - 1] != UInt8(ascii: "-") else { throw .hyphenAtEdge }
    }
}

/// A name to ask the DNS for: a domain, or a service name below one.
package struct QueryName: Sendable, Hashable, CustomStringConvertible {
    package let text: String
    package var description: String { text }
    fileprivate init(text: String) { self.text = text }
}

/// Why a text is not a domain name.
package enum DomainNameError: Error, Sendable, Equatable, CustomStringConvertible {
    case empty, tooLong, emptyLabel, labelTooLong, forbiddenCharacter, hyphenAtEdge, numericTopLabel
    case notInternational

    package var description: String {
        switch self {
        case .empty: "empty name"
        case .tooLong: "longer than \(DomainName.maxOctets) octets"
        case .emptyLabel: "empty label"
        case .labelTooLong: "label longer than \(DomainName.maxLabelOctets) octets"
        case .forbiddenCharacter: "character other than letters, digits and hyphen"
        case .hyphenAtEdge: "label begins or ends with a hyphen"
        case .numericTopLabel: "last label is a number"
        case .notInternational: "not a valid internationalized name"
        }
    }
}
