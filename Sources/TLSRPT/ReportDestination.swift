// SPDX-License-Identifier: Apache-2.0
import Basics

/// Where a domain wants its reports: one URI of `rua`. - RFC 8460 §3: Reporting Policy.
package enum ReportDestination: Sendable, Hashable, CustomStringConvertible {
    case mail(Mailbox)
    /// A URL without user and fragment, visible ASCII only; the host in lower case, without brackets.
    case https(url: String, host: String)

    /// Longest URI looked at, in octets.
    static let maxOctets = 2048

    package var description: String {
        switch self {
        case .mail(let mailbox): "mailto:\(mailbox)"
        case .https(let url, _): url
        }
    }

    /// Reads one URI; nil for another scheme and for what no report can be sent to.
    package init?(_ uri: some StringProtocol) {
        let bytes = Array(uri.utf8)
        guard bytes.count <= Self.maxOctets, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        let text = Self.withoutSizeLimit(String(uri))
        guard !text.contains("!"), let colon = text.firstIndex(of: ":") else { return nil }
        let rest = text[text.index(after: colon)...]
        switch text[..<colon].lowercased() {
        case "mailto": self.init(mailbox: rest)
        case "https": self.init(authorityAndPath: rest)
        default: return nil
        }
    }

    /// Cuts off `!10m`, which DMARC knows and TLSRPT does not: a literal `!` has no other meaning here.
    private static func withoutSizeLimit(_ text: String) -> String {
        guard let mark = text.lastIndex(of: "!") else { return text }
        let limit = text[text.index(after: mark)...].lowercased()
        let digits = limit.prefix { $0.isASCII && $0.isNumber }
        let unit = limit.dropFirst(digits.count)
        guard !digits.isEmpty, ["", "k", "m", "g", "t"].contains(unit) else { return text }
        return String(text[..<mark])
    }

    /// - RFC 6068 §2: the address is percent-encoded; header fields behind `?` are ours to write, not theirs.
    private init?(mailbox text: Substring) {
        guard let address = Self.percentDecoded(text.prefix { $0 != "?" }), let mailbox = Mailbox(address) else {
            return nil
        }
        self = .mail(mailbox)
    }

    /// - RFC 3986 §3.2: authority. A user name is refused, since it only ever hides where a URL leads.
    private init?(authorityAndPath text: Substring) {
        guard text.hasPrefix("//") else { return nil }
        let text = text.dropFirst(2).prefix { $0 != "#" }
        let authority = text.prefix { $0 != "/" && $0 != "?" }
        let unsafe: Set<Character> = ["\"", "<", ">", "\\", "^", "`", "{", "|", "}"]
        guard !authority.contains("@"), !text.contains(where: unsafe.contains) else { return nil }
        let isBracketed = authority.hasPrefix("[")
        guard !isBracketed || authority.contains("]") else { return nil }
        let name = isBracketed ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        let port = authority.dropFirst(name.count + (isBracketed ? 2 : 0))
        guard port.isEmpty || (port.first == ":" && UInt16(port.dropFirst()).map { $0 > 0 } == true) else { return nil }
        guard let host = Self.host(name, isBracketed: isBracketed) else { return nil }
        self = .https(url: "https://" + text, host: host)
    }

    private static func host(_ text: Substring, isBracketed: Bool) -> String? {
        if let address = IPAddress(text) { return address.isIPv6 == isBracketed ? address.description : nil }
        return isBracketed ? nil : (try? DomainName(text))?.ascii
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = Array(rest.prefix(2))
            // Checked by hand, since the number's own parser takes a sign.
            guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension ReportDestination {
    /// The host that takes the report, or the domain whose mail it is.
    package var host: String {
        switch self {
        case .mail(let mailbox): mailbox.domain.ascii
        case .https(_, let host): host
        }
    }

    /// Whether a stranger's record may name it: a name with a dot, not an address, and not this host itself.
    package var isPublic: Bool {
        guard let name = try? DomainName(host) else { return false }
        return name.labelCount > 1 && !name.ascii.hasSuffix(".localhost")
    }
}
