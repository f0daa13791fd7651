// SPDX-License-Identifier: Apache-2.0
import Basics

/// What a policy map is asked about: the next hop as it stands in the MTA's configuration, or the recipient's domain.
package enum MapKey: Sendable, Hashable {
    case nextHop(NextHop)
    /// Never has a policy and is not worth a question: empty keys, parent domains (`.example.org`), address literals,
    /// socket paths and what holds no name at all.
    case withoutPolicy
    /// What no MTA is known to ask, so that nobody can say whose policy governs: the names in it, never empty. "No
    /// policy" would let mail to one of them go in clear text.
    case unreadable([DomainName])

    /// Longest key read as a next hop, in octets: two names' length leaves room for brackets, port and U-labels.
    private static let maxOctets = 4 * DomainName.maxOctets
    /// Most names looked for in a key that cannot be read.
    private static let maxNames = 64

    /// Reads a key. The word behind the last colon outside brackets is a service, by name or number, whatever the word.
    package init(_ text: String, services: ServicePorts) {
        let isShort = text.utf8.count <= Self.maxOctets
        // What nearly all keys are, at a fraction of the cost of reading them as a route.
        if isShort, text.utf8.allSatisfy(Self.isNameOctet), let domain = try? DomainName(mxHost: text) {
            self = .nextHop(.mx(of: domain, port: NextHop.smtpPort))
            return
        }
        if text.hasPrefix(".") || text.hasPrefix("/") || text.hasPrefix("unix:") {
            self = .withoutPolicy
            return
        }
        self = (isShort ? Self.read(text) : nil)?.key(services) ?? Self.unreadable(text)
    }

    /// Host and service of a next hop, each as it stands there.
    private struct Parts {
        let host: Substring
        let isBracketed: Bool
        let service: Substring

        /// Nil for what is no host, or no service that is known.
        func key(_ services: ServicePorts) -> MapKey? {
            if IPAddress(literal: host) != nil { return .withoutPolicy }
            guard let port = service.isEmpty ? NextHop.smtpPort : services.port(of: service) else { return nil }
            guard let domain = try? DomainName(host: host) else { return nil }
            return .nextHop(isBracketed ? .host(domain, port: port) : .mx(of: domain, port: port))
        }
    }

    /// Takes apart `[host]`, `[host]:`, `[host]:service`, `host`, `host:` and `host:service`.
    private static func read(_ text: String) -> Parts? {
        let rest = text.hasPrefix("inet:") ? text.dropFirst("inet:".count) : text[...]
        // An IPv6 address without brackets has colons of its own.
        if IPAddress(literal: rest) != nil { return Parts(host: rest, isBracketed: false, service: "") }
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            let tail = rest[rest.index(after: end)...]
            guard tail.isEmpty || tail.first == ":" else { return nil }
            return Parts(host: rest[..<end].dropFirst(), isBracketed: true, service: tail.dropFirst())
        }
        let colon = rest.lastIndex(of: ":") ?? rest.endIndex
        return Parts(host: rest[..<colon], isBracketed: false, service: rest[colon...].dropFirst())
    }

    private static func unreadable(_ text: String) -> MapKey {
        var names: [DomainName] = []
        let words = text.split { character in character.asciiValue.map { !isNameOctet($0) } ?? false }
        for word in words where names.count < maxNames && word.contains(".") {
            let bare = word.drop { $0 == "." }
            guard let name = try? DomainName(host: bare), name.labelCount > 1,
                !names.contains(name)
            else { continue }
            names.append(name)
        }
        return names.isEmpty ? .withoutPolicy : .unreadable(names)
    }

    private static func isNameOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}
