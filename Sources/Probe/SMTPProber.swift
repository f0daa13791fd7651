// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import TLSRPT
import Wire

/// Tries STARTTLS on every address of a host, as far as the handshake: never MAIL, never DATA.
package final class SMTPProber: Prober {
    let resolver: DNSResolver
    let tls: TLSContext
    let connector: Connector
    let settings: ProbeSettings
    private let slots: Slots

    package init(resolver: DNSResolver, tls: TLSContext, connector: Connector, settings: ProbeSettings) {
        self.resolver = resolver
        self.tls = tls
        self.connector = connector
        self.settings = settings
        slots = Slots(settings.maxConcurrent, maxWaiting: settings.maxWaiting)
    }

    package func probe(
        _ candidate: Candidate, routeIsSecure: Bool, for policyDomain: DomainName, begun: @escaping @Sendable () -> Void
    ) async -> ProbeResult {
        let seen = await slots.run {
            begun()
            return await look(at: candidate, routeIsSecure: routeIsSecure)
        }
        return seen.map { .seen($0) } ?? .notTried("too many hosts are being looked at")
    }

    private func look(at candidate: Candidate, routeIsSecure: Bool) async -> HostEvidence {
        let deadline = ContinuousClock.now + settings.overallTimeout
        let host: HostLookup
        do {
            host = try await look(up: candidate, routeIsSecure: routeIsSecure)
        } catch {
            switch error {
            case .unreachable(let text): return .unreachable(text)
            case .failing(let failure): return .failing([failure], nil)
            }
        }
        // One address of a family after the other, so that no host sees a crowd; a dead family does not hold up
        // the other.
        async let six = visit(host.addresses.filter(\.isIPv6), of: candidate, host, by: deadline)
        async let four = visit(host.addresses.filter { !$0.isIPv6 }, of: candidate, host, by: deadline)
        let seen = combine(await four + six)
        // - RFC 7672 §2.1.2: DNS Error Handling. A host that may have records is not known to conform without them;
        // what fails without them does not pass by hiding them.
        if case .conforming = seen, let trouble = host.tlsaTrouble { return .unreachable(trouble) }
        return seen
    }

    private func visit(
        _ addresses: [IPAddress], of candidate: Candidate, _ host: HostLookup, by deadline: ContinuousClock.Instant
    ) async -> [HostEvidence] {
        var seen: [HostEvidence] = []
        for address in addresses {
            let visit = Visit(prober: self, candidate: candidate, host: host, address: address, deadline: deadline)
            seen.append(await visit.run())
        }
        return seen
    }
}

/// What the addresses of a host say together: one that fails is enough, since the MTA may dial any; those that do
/// not answer say nothing.
func combine(_ seen: [HostEvidence]) -> HostEvidence {
    var failures: [Failure] = []
    var badFacts: TLSFacts?
    var goodFacts: TLSFacts?
    var texts: [String] = []
    for evidence in seen {
        switch evidence {
        case .conforming(let facts): goodFacts = goodFacts ?? facts
        case .failing(let more, let facts):
            failures += more
            badFacts = badFacts ?? facts
        case .unreachable(let text): texts.append(text)
        }
    }
    if !failures.isEmpty { return .failing(failures, badFacts) }
    if let goodFacts { return .conforming(goodFacts) }
    return .unreachable(texts.isEmpty ? "no address" : texts.prefix(3).joined(separator: "; "))
}
