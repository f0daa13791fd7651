// SPDX-License-Identifier: Apache-2.0

/// Where a server of ours listens.
///
/// Read in libmilter's form (`inet:8890@127.0.0.1`), in Postfix's (`inet:127.0.0.1:8890`), as `unix:/path`, `local:/path`
/// or a bare path, and as `fd:3` for a descriptor that systemd opened.
package enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// Octets of a path that fit in `sockaddr_un` with its final NUL.
    package static let maxPathOctets = 107

    /// IPv4; without a host, all interfaces.
    case inet(host: String?, port: UInt16)
    /// IPv6; without a host, all interfaces.
    case inet6(host: String?, port: UInt16)
    case unix(path: String)
    case descriptor(Int32)

    /// Whether it is the same place each time; port 0 is any that is free.
    package var isOne: Bool {
        switch self {
        case .inet(_, let port), .inet6(_, let port): port != 0
        case .unix, .descriptor: true
        }
    }

    package init(_ text: String) throws(ListenAddressError) {
        guard !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else { throw .forbiddenCharacter }
        if text.hasPrefix("/") {
            self = try Self.unix(text[...])
            return
        }
        guard let colon = text.firstIndex(of: ":") else { throw .noKind(text) }
        let rest = text[text.index(after: colon)...]
        switch text[..<colon] {
        case "unix", "local": self = try Self.unix(rest)
        case "inet": self = try Self.internet(rest, isIPv6: false)
        case "inet6": self = try Self.internet(rest, isIPv6: true)
        case "fd":
            guard let number = Int32(rest), number >= 0 else { throw .badDescriptor(String(rest)) }
            self = .descriptor(number)
        default: throw .noKind(text)
        }
    }

    /// The socket in libmilter's form.
    package var description: String {
        switch self {
        case .inet(let host, let port): "inet:\(port)" + (host.map { "@\($0)" } ?? "")
        case .inet6(let host, let port): "inet6:\(port)" + (host.map { "@\($0)" } ?? "")
        case .unix(let path): "unix:\(path)"
        case .descriptor(let number): "fd:\(number)"
        }
    }

    private static func unix(_ path: Substring) throws(ListenAddressError) -> Self {
        guard path.hasPrefix("/") else { throw .relativePath(String(path)) }
        guard path.utf8.count <= maxPathOctets else { throw .pathTooLong }
        return .unix(path: String(path))
    }

    private static func internet(_ text: Substring, isIPv6: Bool) throws(ListenAddressError) -> Self {
        let (host, port) = try split(text)
        guard var host else { return isIPv6 ? .inet6(host: nil, port: port) : .inet(host: nil, port: port) }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        if let address = IPAddress(host) {
            // Postfix writes inet:[::1]:8890 too; libmilter has a word of its own for IPv6.
            guard address.isIPv6 || !isIPv6 else { throw .notIPv6(String(host)) }
            return address.isIPv6
                ? .inet6(host: address.description, port: port) : .inet(host: address.description, port: port)
        }
        guard let name = try? DomainName(host) else { throw .badHost(String(host)) }
        return isIPv6 ? .inet6(host: name.ascii, port: port) : .inet(host: name.ascii, port: port)
    }

    /// Takes apart `port`, `port@host` and `host:port`.
    private static func split(_ text: Substring) throws(ListenAddressError) -> (host: Substring?, port: UInt16) {
        if let at = text.firstIndex(of: "@") {
            return (text[text.index(after: at)...], try port(text[..<at]))
        }
        guard let colon = text.lastIndex(of: ":") else { return (nil, try port(text)) }
        return (text[..<colon], try port(text[text.index(after: colon)...]))
    }

    /// libmilter takes the low 16 bits of any number, so the range is checked here.
    private static func port(_ text: Substring) throws(ListenAddressError) -> UInt16 {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(text), port > 0
        else {
            throw .badPort(String(text))
        }
        return port
    }
}

/// Why a text is not a socket, and what to write instead.
package enum ListenAddressError: Error, Sendable, Hashable, CustomStringConvertible {
    case noKind(String), relativePath(String), badPort(String), badHost(String), notIPv6(String), badDescriptor(String)
    case pathTooLong, forbiddenCharacter

    package var description: String {
        switch self {
        case .noKind(let text):
            "'\(printable(text))' is not a socket: write \(Self.meant(by: text)), unix:/path or fd:3"
        case .relativePath(let path):
            "path '\(printable(path))' is not absolute: write unix:/run/sts-milter/name.sock"
        case .badPort(let port): "port '\(printable(port))' is not a number from 1 to 65535: write inet:8890@127.0.0.1"
        case .badHost(let host): "'\(printable(host))' is neither an address nor a host name: write inet:8890@127.0.0.1"
        case .notIPv6(let host): "'\(printable(host))' is an IPv4 address: write inet:8890@\(printable(host))"
        case .badDescriptor(let text): "descriptor '\(printable(text))' is not a number: write fd:3"
        case .pathTooLong: "path is longer than \(ListenAddress.maxPathOctets) octets: choose a shorter one"
        case .forbiddenCharacter: "a socket holds no spaces and no control characters"
        }
    }

    /// A text without `inet:` in the form that is taken; of any other text, examples.
    private static func meant(by text: String) -> String {
        switch try? ListenAddress("inet:\(text)") {
        case .inet(host: nil, let port): "\(ListenAddress.inet(host: "127.0.0.1", port: port))"
        case let address?: "\(address)"
        case nil: "inet:8890@127.0.0.1, inet6:8890@::1"
        }
    }
}
