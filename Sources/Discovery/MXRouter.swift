// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS

/// Finds the hosts of a next hop as an MTA does. - RFC 5321 §5.1: Locating the Target Host.
package struct MXRouter: Router {
    /// Hosts of one route that are looked at, the most preferred ones.
    private static let maxCandidates = 32
    /// Names of MX records that no host can have that are kept, as examples.
    private static let maxInvalidTargets = 3
    /// A shorter time to live would make each message ask again.
    private static let minKeep: Duration = .seconds(30)
    /// A longer one would keep us behind the MTA, whose resolver may have asked later.
    private static let maxKeep: Duration = .seconds(3600)

    private let resolver: DNSResolver
    private let timeout: Duration

    /// - Parameter timeout: for one DNS question; a domain without MX records takes two.
    package init(resolver: DNSResolver, timeout: Duration = .seconds(10)) {
        self.resolver = resolver
        self.timeout = timeout
    }

    package func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration) {
        switch nextHop {
        case .mx(let domain, let port):
            let hosts = try await hosts(of: domain)
            let candidates = hosts.records.prefix(Self.maxCandidates).map {
                MXHost(name: $0.name, preference: $0.preference, port: port)
            }
            let route = Route(
                policyDomain: domain, candidates: candidates,
                unprobed: hosts.records.dropFirst(Self.maxCandidates).map(\.name), invalidTargets: hosts.invalidTargets,
                isSecure: hosts.isSecure)
            return (route, keepFor: min(max(hosts.timeToLive, Self.minKeep), Self.maxKeep))
        case .host(let name, let port):
            // A name from the administrator's own settings is as good as a secure one.
            // - RFC 7672 §2.2.2: Non-MX Destinations.
            let candidate = MXHost(name: name, preference: 0, port: port)
            let route = Route(policyDomain: name, candidates: [candidate], isSecure: true)
            return (route, keepFor: Self.maxKeep)
        case .address(let address, _):
            throw .unavailable("\(address) is an address, to which no policy belongs")
        }
    }

    private struct Hosts {
        var records: [(name: DomainName, preference: UInt16)]
        var invalidTargets: [String] = []
        var isSecure: Bool
        var timeToLive: Duration
    }

    private func hosts(of domain: DomainName) async throws(RouteError) -> Hosts {
        let answer = await resolver.mx(of: domain, within: timeout)
        let isSecure = answer.security == .secure
        switch answer.outcome {
        case .records:
            let (records, invalidTargets) = try Self.named(in: answer, of: domain)
            return Hosts(
                records: records, invalidTargets: invalidTargets, isSecure: isSecure, timeToLive: answer.timeToLive)
        case .noData:
            let addressLife = try await lifeOfAddress(of: domain, noMXIsSecure: isSecure)
            let life = min(answer.timeToLive, addressLife)
            return Hosts(records: [(domain, 0)], isSecure: isSecure, timeToLive: life)
        case .noSuchDomain:
            throw .noSuchDomain(isSecure: isSecure)
        case .failure(let failure):
            throw Self.error(failure, "MX of \(domain)")
        }
    }

    /// The hosts that can be dialled, best first, each once; and what else the records name.
    private static func named(
        in answer: DNSAnswer<MXRecord>, of domain: DomainName
    ) throws(RouteError) -> (hosts: [(name: DomainName, preference: UInt16)], invalidTargets: [String]) {
        var best: [DomainName: UInt16] = [:]
        var invalidTargets: [String] = []
        for record in answer.records {
            switch record.exchange {
            case .host(let name): best[name] = min(best[name] ?? .max, record.preference)
            case .invalid(let text) where invalidTargets.count < maxInvalidTargets:
                invalidTargets.append(printable(text, limit: 80))
            // - RFC 7505 §3: among other records it is an error; the others count.
            case .invalid, .root: continue
            }
        }
        if best.isEmpty, invalidTargets.isEmpty {
            if answer.malformed == 0 { throw .nullMX(isSecure: answer.security == .secure) }
            throw .unavailable("no MX record of \(domain) can be read")
        }
        // What is not read cannot be vouched for.
        if answer.isCut { invalidTargets.append("more than \(answer.records.count) records") }
        // Hosts of one preference have no order: by name, so that the same answer gives the same route.
        let sorted = best.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        return (sorted.map { (name: $0.key, preference: $0.value) }, invalidTargets)
    }

    /// How long the address of a domain without MX records holds: without one, the domain takes no mail.
    private func lifeOfAddress(of domain: DomainName, noMXIsSecure: Bool) async throws(RouteError) -> Duration {
        let answer = await resolver.addresses(of: domain, within: timeout)
        switch answer.outcome {
        case .records: return answer.timeToLive
        case .noData, .noSuchDomain: throw .noSuchDomain(isSecure: noMXIsSecure && answer.security == .secure)
        case .failure(let failure): throw Self.error(failure, "address of \(domain)")
        }
    }

    private static func error(_ failure: DNSFailure, _ question: String) -> RouteError {
        let text = "\(question): \(failure)"
        if failure.isOurs { return .notAsked(text, concernsAll: failure.concernsAll) }
        if case .bogus = failure { return .bogus(text) }
        return .unavailable(text)
    }
}
