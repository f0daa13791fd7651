// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// The names of which an MX host's certificate must bear one, never empty.
struct AcceptedNames {
    /// Whole names, sorted, none twice.
    let exact: [DomainName]
    /// Names below which the MTA takes any name, sorted, none twice.
    let suffixes: [DomainName]

    /// Whether the MTA would take hosts that no wildcard of the policy covers.
    var reachDeeper: Bool { !suffixes.isEmpty }

    /// Octets of the list as ``append(to:)`` writes it.
    var octets: Int {
        exact.reduce(0) { $0 + $1.ascii.utf8.count + 1 } + suffixes.reduce(0) { $0 + $1.ascii.utf8.count + 2 } - 1
    }

    /// A wildcard is one label for RFC 8461 and any number of them for Postfix: so its place is taken by the names of MX
    /// hosts that it covers. A forged MX answer can leave names out of the list, never bring in others.
    ///
    /// Where none of the MX hosts is in the policy, nobody may have the mail, whatever certificate it shows.
    ///
    /// - RFC 8461 §4.1: MX Host Validation.
    init(
        of cached: CachedPolicy, among hosts: MXSet, for form: MapForm, _ choices: MapReplySettings
    ) throws(TemporaryReason) {
        let patterns = cached.policy.mx
        // A policy without any name is none that was parsed; nothing conforms to it.
        guard !patterns.isEmpty else { throw .undecided }
        switch hosts {
        case .known(let hosts):
            if hosts.contains(where: cached.policy.covers) {
                try self.init(exact: cached.names(among: hosts))
                return
            }
            let isDeeper = hosts.contains { host in
                patterns.contains { $0.isWildcard && host != $0.domain && host.isWithin($0.domain) }
            }
            guard isDeeper, choices.depthOnly == .secure else { throw .depthOnly }
        case .only(let hosts):
            try self.init(exact: hosts.filter(cached.policy.covers))
            return
        case .unknown, .unneeded:
            // Since 3.10.5 Postfix checks each MX host against the patterns and then asks for that host's own name; 3.10.0
            // to 3.10.4 do not, and take any depth here. Leaving the domain out would cost them more. Sendmail strips one
            // label and no more.
            guard !cached.hasWildcard || form != .postfix else { throw .hostsUnknown }
        }
        try self.init(
            exact: patterns.filter { !$0.isWildcard }.map(\.domain),
            suffixes: patterns.filter(\.isWildcard).map(\.domain))
    }

    /// Words that Postfix reads in `match=` as "whatever the host, or the next hop, is called". - TLS_README: match.
    private static let keywords: Set<String> = ["hostname", "nexthop", "dot-nexthop"]

    private init(exact: [DomainName], suffixes: [DomainName] = []) throws(TemporaryReason) {
        self.exact = Self.sorted(exact.filter { !Self.keywords.contains($0.ascii) })
        self.suffixes = Self.sorted(suffixes)
        guard !self.exact.isEmpty || !suffixes.isEmpty else { throw .undecided }
    }

    /// Colon-separated, as `match=` takes it.
    func append(to reply: inout [UInt8]) {
        let start = reply.count
        for name in exact {
            if reply.count > start { reply.append(UInt8(ascii: ":")) }
            reply.append(name)
        }
        for name in suffixes {
            if reply.count > start { reply.append(UInt8(ascii: ":")) }
            reply.append(UInt8(ascii: "."))
            reply.append(name)
        }
    }

    private static func sorted(_ names: [DomainName]) -> [DomainName] {
        guard names.count > 1 else { return names }
        var result: [DomainName] = []
        result.reserveCapacity(names.count)
        for name in names.sorted() where result.last != name { result.append(name) }
        return result
    }
}
