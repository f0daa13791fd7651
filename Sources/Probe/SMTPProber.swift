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
        return seen ?? .notTried("too many hosts are being looked at")
    }

    private func look(at candidate: Candidate, routeIsSecure: Bool) async -> ProbeResult {
        let deadline = ContinuousClock.now + settings.overallTimeout
        let host: HostLookup
        do {
            host = try await look(up: candidate, routeIsSecure: routeIsSecure)
        } catch {
            switch error {
            case .unreachable(let text): return .seen(.unreachable(text))
            case .failing(let failure): return .seen(.failing([failure], nil))
            case .ownTrouble(let text): return .notTried(text)
            }
        }
        let seen = combine(await visit(candidate, host, by: deadline), isWhole: host.isWhole)
        // - RFC 7672 §2.1.2: DNS Error Handling. A host that may have records is not known to conform without them;
        // what fails without them does not pass by hiding them.
        if case .seen(.conforming) = seen, let trouble = host.tlsaTrouble { return .seen(.unreachable(trouble)) }
        return seen
    }

    /// Looks at all addresses, a few at one time, so that no host sees a crowd and silent ones do not add up.
    private func visit(
        _ candidate: Candidate, _ host: HostLookup, by deadline: ContinuousClock.Instant
    ) async -> [AddressEvidence] {
        await withTaskGroup(of: AddressEvidence.self) { group in
            var seen: [AddressEvidence] = []
            for (index, address) in host.addresses.enumerated() {
                if index >= settings.maxAddressesAtOnce, let next = await group.next() { seen.append(next) }
                let visit = Visit(prober: self, candidate: candidate, host: host, address: address, deadline: deadline)
                group.addTask { ContinuousClock.now < deadline ? await visit.run() : .notDialled }
            }
            return await group.reduce(into: seen) { $0.append($1) }
        }
    }
}
