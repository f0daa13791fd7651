// SPDX-License-Identifier: Apache-2.0
import Basics

/// Whom to ask, and whose signatures to trust.
package struct DNSSettings: Sendable, Hashable {
    /// Debian's package dns-root-data.
    package static let systemTrustAnchorFile = "/usr/share/dns/root.key"

    /// Written `address` or `address@port`; nil asks the servers of `resolverFile`.
    package var forwarder: String?
    package var trustAnchor: TrustAnchor
    package var resolverFile = "/etc/resolv.conf"
    /// Queries that may be under way at one time; one more is answered `.failure(.busy)`. Once half are, the names of one
    /// owner get an eighth at most.
    package var maxOutstanding = 8192

    package init(forwarder: String? = nil, trustAnchorFile: String? = nil) {
        self.forwarder = forwarder
        trustAnchor = trustAnchorFile.map(TrustAnchor.file) ?? .system
    }

    /// The resolver as an administrator finds it in the settings.
    package var resolverName: String {
        forwarder.map { "dns.forwarder \(printable($0))" } ?? "nameserver of \(resolverFile)"
    }

    /// Whether a text names a server to ask: an address, with `@port` or without.
    package static func isServer(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        // A link-local server has its interface behind `%`.
        guard let host = parts[0].split(separator: "%", omittingEmptySubsequences: false).first,
            IPAddress(host) != nil
        else { return false }
        return parts.count == 1 || (parts.count == 2 && UInt16(parts[1]).map { $0 > 0 } ?? false)
    }

    package enum TrustAnchor: Sendable, Hashable {
        /// The key of the DNS root that the system keeps; if it keeps none, no answer is secure.
        case system
        /// Keys of the root (or of a laboratory's) in zone file form; read, never written.
        case file(String)
        /// No validation: no answer is secure, and DANE never applies.
        case none
    }
}

/// Why no resolver can be made; each text names the cure.
package enum DNSSetupError: Error, Sendable, Equatable, CustomStringConvertible {
    case badForwarder(String)
    case unreadableResolverFile(String, reason: String)
    case noServers(String)
    case unreadableTrustAnchor(String, reason: String)
    case badTrustAnchor(String)
    case library(String)

    package var description: String {
        switch self {
        case .badForwarder(let text):
            "dns.forwarder \"\(text)\" is not an address or address@port, such as 127.0.0.1@53"
        case .unreadableResolverFile(let path, let reason):
            "cannot read \(path): \(reason); make it readable, or set dns.forwarder"
        case .noServers(let path): "\(path) names no server; add a nameserver line, or set dns.forwarder"
        case .unreadableTrustAnchor(let path, let reason):
            "cannot read the trust anchor \(path): \(reason); install dns-root-data, or set dns.trust_anchor"
        case .badTrustAnchor(let path):
            "\(path) holds no DS or DNSKEY record in zone file form; set dns.trust_anchor to one that does"
        case .library(let text): "libunbound: \(text)"
        }
    }
}
