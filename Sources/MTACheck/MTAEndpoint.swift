// SPDX-License-Identifier: Apache-2.0
import Basics

/// A socket as an MTA dials it.
package enum MTAEndpoint: Sendable, Hashable, CustomStringConvertible {
    case inet(host: String, port: UInt16)
    /// An absolute path, as seen outside any chroot.
    case unix(path: String)

    /// Reads Postfix's `inet:host:port`, `inet:port` and `unix:path`. A path is relative to `directory`, the queue
    /// directory; so is an absolute one for a process that runs `inChroot`.
    init?(postfix text: Substring, directory: String, inChroot: Bool) {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst("unix:".count)
            guard !path.isEmpty else { return nil }
            let isWhole = path.hasPrefix("/") && !inChroot
            self = .unix(path: isWhole ? String(path) : directory + (path.hasPrefix("/") ? "" : "/") + path)
            return
        }
        guard text.hasPrefix("inet:") else { return nil }
        let rest = text.dropFirst("inet:".count)
        let colon = rest.lastIndex(of: ":")
        let port = colon.map { rest[rest.index(after: $0)...] } ?? rest
        guard let number = UInt16(port) else { return nil }
        self = .inet(host: Self.host(colon.map { rest[..<$0] } ?? ""), port: number)
    }

    /// Reads Sendmail's `inet:port@host`, `inet6:port@host`, `local:/path`, `unix:/path` and `/path`.
    init?(sendmail text: Substring) {
        for prefix in ["local:", "unix:", ""] where text.hasPrefix(prefix + "/") {
            self = .unix(path: String(text.dropFirst(prefix.count)))
            return
        }
        guard text.hasPrefix("inet:") || text.hasPrefix("inet6:"), let colon = text.firstIndex(of: ":") else {
            return nil
        }
        let parts = text[text.index(after: colon)...].split(separator: "@", maxSplits: 1)
        guard let port = parts.first.flatMap({ UInt16($0) }) else { return nil }
        self = .inet(host: Self.host(parts.count > 1 ? parts[1] : ""), port: port)
    }

    /// Where an MTA on the same machine finds what listens at `address`; nil for a descriptor.
    init?(_ address: ListenAddress) {
        switch address {
        case .inet(let host, let port): self = .inet(host: Self.host(host?[...] ?? ""), port: port)
        case .inet6(let host, let port): self = .inet(host: Self.host(host?[...] ?? "::1"), port: port)
        case .unix(let path): self = .unix(path: path)
        case .descriptor: return nil
        }
    }

    /// One spelling of each host; none, and every name of loopback, is 127.0.0.1.
    private static func host(_ text: Substring) -> String {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text
        if bare.isEmpty || bare == "0.0.0.0" || bare.lowercased() == "localhost" { return "127.0.0.1" }
        if bare == "::" { return "::1" }
        return IPAddress(bare)?.description ?? bare.lowercased()
    }

    var postfix: String {
        switch self {
        case .inet(let host, let port): "inet:\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    var sendmail: String {
        switch self {
        case .inet(let host, let port): "\(host.contains(":") ? "inet6" : "inet"):\(port)@\(host)"
        case .unix(let path): "local:\(path)"
        }
    }

    package var description: String { postfix }
}

extension ListenAddress {
    /// Whether what listens here is what an MTA finds at `endpoint`. A descriptor's address is not known: anything may
    /// be.
    func answers(_ endpoint: MTAEndpoint) -> Bool {
        switch (self, endpoint) {
        case (.descriptor, _): true
        // All interfaces: the MTA may use any of our addresses.
        case (.inet(nil, let own), .inet(_, let port)), (.inet6(nil, let own), .inet(_, let port)): own == port
        case (.inet(let host?, let own), .inet(_, let port)) where host == "0.0.0.0": own == port
        case (.inet6(let host?, let own), .inet(_, let port)) where host == "::": own == port
        default: MTAEndpoint(self) == endpoint
        }
    }
}
