// SPDX-License-Identifier: Apache-2.0
import Basics

/// Where an MTA will take a message: what it says in `{rcpt_host}`, or the recipient's own domain.
package enum NextHop: Sendable, Hashable {
    /// The MX hosts of a domain, or the domain's own host if it has none. - RFC 5321 §5.1: Locating the Target Host.
    case mx(of: DomainName, port: UInt16)
    /// One host by name, without an MX lookup.
    case host(DomainName, port: UInt16)
    /// One address; no policy can belong to it. - RFC 8461 §3.4: address literals have no policies.
    case address(IPAddress, port: UInt16)

    package static let smtpPort: UInt16 = 25
    /// Where a server speaks TLS from the first octet on. - RFC 8314 §7.3: Submissions Port Registration.
    package static let smtpsPort: UInt16 = 465

    /// The domain whose policy governs: the next hop's own. - RFC 8461 §3.4: a smart host is its own Policy Domain.
    package var policyDomain: DomainName? {
        switch self {
        case .mx(let domain, _), .host(let domain, _): domain
        case .address: nil
        }
    }
}

extension NextHop: TableKey {
    package var tableHash: UInt64 {
        switch self {
        case .mx(let domain, let port): KeyedHash.hash(domain.tableHash, UInt64(port))
        case .host(let domain, let port): KeyedHash.hash(domain.tableHash, 1 << 16 | UInt64(port))
        case .address(let address, let port): KeyedHash.hash(UInt64(bitPattern: Int64(address.hashValue)), UInt64(port))
        }
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(tableHash) }
}

/// A recipient as the MTA announced it.
package struct Recipient: Sendable, Hashable {
    /// The domain of the address; nil for an address literal or an address without a domain.
    package let domain: DomainName?
    /// `{rcpt_mailer}`; nil when the MTA did not say.
    package let mailer: String?
    /// `{rcpt_host}`; nil when the MTA did not say.
    package let host: String?

    package init(domain: DomainName?, mailer: String?, host: String?) {
        self.domain = domain
        self.mailer = mailer
        self.host = host
    }
}

/// What a recipient's route means to us.
package enum Destination: Sendable, Hashable {
    /// Leaves by SMTP: next hops to try in order, never empty.
    case remote([NextHop])
    /// Stays here or leaves by a transport that is not ours to judge; the text says why.
    case notOurs(String)
}

extension Recipient {
    /// Most next hops of one recipient that are looked at.
    private static let maxNextHops = 16
    /// What Postfix says of a domain that has no mail of its own: a valid recipient in it is an alias, whose mail goes
    /// elsewhere and never to the domain's MX hosts; any other is refused.
    private static let aliasMailer = "error"

    /// Reads the route that the MTA announced.
    /// - Parameters:
    ///   - transports: the names of `{rcpt_mailer}` that deliver by SMTP.
    ///   - services: what the name of a port stands for.
    package func destination(transports: Set<String>, services: ServicePorts) -> Destination {
        destination(services: services) { transports.contains($0) }
    }

    /// - Parameters:
    ///   - services: asked for only where a port has a name.
    ///   - isSMTP: whether a name of `{rcpt_mailer}` delivers by SMTP.
    package func destination(services: @autoclosure () -> ServicePorts, isSMTP: (String) -> Bool) -> Destination {
        guard let mailer, !mailer.isEmpty else { return ownDomain }
        guard mailer != Self.aliasMailer else { return .notOurs("alias, or no mail at all (transport error)") }
        guard isSMTP(mailer) else { return .notOurs("transport \(printable(mailer, limit: 40))") }
        guard let host, !host.isEmpty else { return ownDomain }
        // What nearly all mail has, at a fraction of the cost of reading it.
        if let domain, host == domain.ascii { return ownDomain }
        if host.hasPrefix("unix:") { return .notOurs("local socket") }
        let hops = Self.nextHops(in: host, services())
        return hops.isEmpty ? .notOurs("next hop \(printable(host, limit: 80))") : .remote(hops)
    }

    private var ownDomain: Destination {
        guard let domain else { return .notOurs("address without a domain") }
        return .remote([.mx(of: domain, port: NextHop.smtpPort)])
    }

    /// Splits `one.example, [two.example]:587` (Postfix) and `one.example:[two.example]` (Sendmail).
    private static func nextHops(in text: String, _ services: ServicePorts) -> [NextHop] {
        let separators: Set<Character> = [",", " ", "\t", "\r", "\n"]
        let parts = text.split(whereSeparator: separators.contains)
        return Array(parts.flatMap { readOne($0, services) }.prefix(maxNextHops))
    }

    private static func readOne(_ text: Substring, _ services: ServicePorts) -> [NextHop] {
        var rest = text.hasPrefix("inet:") ? text.dropFirst("inet:".count) : text
        var hops: [NextHop] = []
        while !rest.isEmpty {
            let isBracketed = rest.first == "["
            guard let end = isBracketed ? rest.firstIndex(of: "]") : (rest.firstIndex(of: ":") ?? rest.endIndex) else {
                break
            }
            let name = isBracketed ? rest[rest.index(after: rest.startIndex)..<end] : rest[..<end]
            rest = isBracketed ? rest[rest.index(after: end)...] : rest[end...]
            var port = NextHop.smtpPort
            if rest.first == ":" {
                rest.removeFirst()
                let word = rest.prefix { $0 != ":" }
                // Postfix puts a port behind the colon, Sendmail the next host to try. A host with the name of a service
                // is taken for the port: having no dot it has no policy either.
                if let number = services.port(of: word) {
                    port = number
                    rest = rest.dropFirst(word.count + 1)
                }
            }
            if let hop = hop(name, isBracketed: isBracketed, port: port) { hops.append(hop) }
        }
        return hops
    }

    private static func hop(_ name: Substring, isBracketed: Bool, port: UInt16) -> NextHop? {
        if let address = IPAddress(literal: name) { return .address(address, port: port) }
        guard let domain = try? DomainName(host: name) else { return nil }
        return isBracketed ? .host(domain, port: port) : .mx(of: domain, port: port)
    }
}
