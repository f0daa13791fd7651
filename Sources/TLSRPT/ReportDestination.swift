// SPDX-License-Identifier: Apache-2.0
import Basics

/// Where a domain wants its reports: one URI of `rua`. - RFC 8460 §3: Reporting Policy.
package enum ReportDestination: Sendable, Hashable, CustomStringConvertible {
    case mail(Mailbox)
    /// A URL without user and fragment, visible ASCII only; the host in lower case, without brackets.
    case https(url: String, host: String)

    /// Longest URI looked at, in octets.
    static let maxOctets = 2048

    /// The URI, percent-encoded once: read again it is the same destination.
    package var description: String {
        switch self {
        case .mail(let mailbox): "mailto:\(Self.percentEncoded(mailbox.localPart))@\(mailbox.domain)"
        case .https(let url, _): url
        }
    }

    /// Why no report can be sent to what a URI names; in words for the owner of the record.
    package enum Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        case tooLong, otherScheme, impossibleCharacter, bareExclamationMark, slash, noAddress, noURL, userName

        package var description: String {
            switch self {
            case .tooLong: "longer than \(ReportDestination.maxOctets) octets"
            case .otherScheme: "neither mailto: nor https:"
            case .impossibleCharacter: "a character that no URI has"
            case .bareExclamationMark: "a ! that is not written %21"
            case .slash: "a / in a mail address that is not written %2F"
            case .noAddress: "no mail address with a domain"
            case .noURL: "no URL with a host"
            case .userName: "a user name in the URL"
            }
        }
    }

    /// Reads one URI, which may have several mail addresses.
    ///
    /// - RFC 6068 §2: a list of addresses. In a record its commas are written %2C.
    package static func all(in uri: some StringProtocol) throws(Refusal) -> [ReportDestination] {
        let text = String(uri)
        guard text.utf8.count <= maxOctets, let colon = text.firstIndex(of: ":"),
            text[..<colon].lowercased() == "mailto"
        else { return [try Self(uri)] }
        let end = text.firstIndex { $0 == "?" || $0 == "#" } ?? text.endIndex
        let addresses = text[..<end][text.index(after: colon)...].replacing("%2c", with: ",")
            .replacing("%2C", with: ",").split(separator: ",", omittingEmptySubsequences: false)
        guard addresses.count > 1 else { return [try Self(uri)] }
        var all: [ReportDestination] = []
        for var address in addresses {
            while address.hasPrefix("%20") { address = address.dropFirst(3) }
            all.append(try Self(text[...colon] + address))
        }
        return all
    }

    /// Reads one URI; what is percent-encoded in it is decoded here, and nowhere else.
    package init(_ uri: some StringProtocol) throws(Refusal) {
        let bytes = Array(uri.utf8)
        guard bytes.count <= Self.maxOctets else { throw .tooLong }
        let text = Self.withoutSizeLimit(String(uri))
        guard let colon = text.firstIndex(of: ":") else { throw .otherScheme }
        let rest = text[text.index(after: colon)...]
        let scheme = text[..<colon].lowercased()
        guard scheme == "mailto" || scheme == "https" else { throw .otherScheme }
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .impossibleCharacter }
        guard !text.contains("!") else { throw .bareExclamationMark }
        if scheme == "mailto" { try self.init(mailbox: rest) } else { try self.init(authorityAndPath: rest) }
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

    /// - RFC 6068 §2: the address is percent-encoded, `/` in it always; header fields behind `?` are ours to write, not
    /// theirs. A fragment says nothing of an address.
    /// - Deviation: no reports to quoted local parts.
    private init(mailbox text: Substring) throws(Refusal) {
        let encoded = text.prefix { $0 != "?" && $0 != "#" }
        guard !encoded.contains("/") else { throw .slash }
        guard let address = Self.percentDecoded(encoded), let mailbox = Mailbox(address) else { throw .noAddress }
        self = .mail(mailbox)
    }

    /// - RFC 3986 §3.2: authority. A user name is refused, since it only ever hides where a URL leads.
    private init(authorityAndPath text: Substring) throws(Refusal) {
        guard text.hasPrefix("//") else { throw .noURL }
        let text = text.dropFirst(2).prefix { $0 != "#" }
        let authority = text.prefix { $0 != "/" && $0 != "?" }
        let unsafe: Set<Character> = ["\"", "<", ">", "\\", "^", "`", "{", "|", "}"]
        guard !authority.contains("@") else { throw .userName }
        guard !text.contains(where: unsafe.contains) else { throw .impossibleCharacter }
        let isBracketed = authority.hasPrefix("[")
        guard !isBracketed || authority.contains("]") else { throw .noURL }
        let name = isBracketed ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        let port = authority.dropFirst(name.count + (isBracketed ? 2 : 0))
        guard port.isEmpty || (port.first == ":" && UInt16(port.dropFirst()).map { $0 > 0 } == true) else {
            throw .noURL
        }
        guard let host = Self.host(name, isBracketed: isBracketed) else { throw .noURL }
        self = .https(url: "https://" + text, host: host)
    }

    private static func host(_ text: Substring, isBracketed: Bool) -> String? {
        if let address = IPAddress(text) { return address.isIPv6 == isBracketed ? address.description : nil }
        return isBracketed ? nil : (try? DomainName(text))?.ascii
    }

    /// What an address may have and a `mailto` URI in a record must not. - RFC 6068 §2, RFC 8460 §3.
    private static let encodedInMailbox = Set("!#%&/=?^`{|}".utf8)

    private static func percentEncoded(_ localPart: String) -> String {
        localPart.utf8.reduce(into: "") { text, octet in
            if encodedInMailbox.contains(octet) {
                text += "%" + String(octet, radix: 16, uppercase: true)
            } else {
                text.unicodeScalars.append(Unicode.Scalar(octet))
            }
        }
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
