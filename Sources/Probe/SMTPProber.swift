// SPDX-License-Identifier: Apache-2.0
import Concurrency
import MTASTS
import Names
import Synchronization
import TLSRPT
import Wire

/// Tries STARTTLS on every address of a host, as far as the handshake: never MAIL, never DATA.
package final class SMTPProber: Prober {
    let resolver: DNSResolver
    let tls: TLSContext
    let connector: Connector
    let settings: ProbeSettings
    /// Not the same places, so that who waits for one holds none.
    private let lookups: FairSemaphore
    private let connections: FairSemaphore

    package init(resolver: DNSResolver, tls: TLSContext, connector: Connector, settings: ProbeSettings) {
        self.resolver = resolver
        self.tls = tls
        self.connector = connector
        self.settings = settings
        lookups = Self.places(settings)
        connections = Self.places(settings)
    }

    private static func places(_ settings: ProbeSettings) -> FairSemaphore {
        FairSemaphore(
            places: settings.maxConcurrent, maxWaiting: settings.maxWaiting, patience: settings.placePatience)
    }

    /// Whether all connections are taken and others wait: a host that keeps silent should not keep its place for long.
    var isCrowded: Bool { connections.isCrowded }

    package func probe(
        _ candidate: Candidate, routeIsSecure: Bool, for policyDomain: DomainName, begun: @escaping @Sendable () -> Void
    ) async -> ProbeResult {
        let shares = Share.owners(of: policyDomain, candidate.name)
        let found: Result<HostLookup, LookupFailure>? = await lookups.run(for: shares) {
            do throws(LookupFailure) {
                return .success(try await look(up: candidate, routeIsSecure: routeIsSecure))
            } catch {
                return .failure(error)
            }
        }
        switch found {
        case nil: return .notTried(Self.crowded)
        case .failure(.unreachable(let text)): return .seen(.unreachable(text))
        case .failure(.failing(let failure)): return .seen(.failing([failure], nil))
        case .success(let host):
            let turn = Turn(candidate, host, shares, begun: begun)
            // One address of a family after the other, so that no host sees a crowd; a dead family does not hold up
            // the other.
            async let six = visit(host.addresses.filter(\.isIPv6), turn)
            async let four = visit(host.addresses.filter { !$0.isIPv6 }, turn)
            return judge(await four + six, of: host)
        }
    }

    /// Why a host was not tried.
    private static let crowded = "too many hosts are being looked at"

    /// What all visits to one host share.
    private final class Turn: Sendable {
        let candidate: Candidate
        let host: HostLookup
        let shares: [Share]
        private let begun: @Sendable () -> Void
        private let hasBegun = Atomic(false)

        init(_ candidate: Candidate, _ host: HostLookup, _ shares: [Share], begun: @escaping @Sendable () -> Void) {
            self.candidate = candidate
            self.host = host
            self.shares = shares
            self.begun = begun
        }

        /// Tells once that the host's turn has come.
        func begin() { if !hasBegun.exchange(true, ordering: .relaxed) { begun() } }
    }

    /// Each address in a place of its own, by its block: who names other people's addresses beside one that is slow
    /// must not hold the places of their block. Waiting for a place is not the host's time.
    /// - Returns: nil for an address that was not tried.
    private func visit(_ addresses: [IPAddress], _ turn: Turn) async -> [HostEvidence?] {
        var seen: [HostEvidence?] = []
        var left = settings.overallTimeout
        for address in addresses {
            let evidence = await connections.run(for: turn.shares + [.block(of: address)]) {
                turn.begin()
                let start = ContinuousClock.now
                let visit = Visit(
                    prober: self, candidate: turn.candidate, host: turn.host, address: address, deadline: start + left)
                defer { left -= ContinuousClock.now - start }
                return await visit.run()
            }
            seen.append(evidence)
        }
        return seen
    }

    private func judge(_ visits: [HostEvidence?], of host: HostLookup) -> ProbeResult {
        let seen = combine(visits.compactMap(\.self))
        if case .failing = seen { return .seen(seen) }
        // The address that was not tried may be the bad one.
        guard visits.allSatisfy({ $0 != nil }) else { return .notTried(Self.crowded) }
        // - RFC 7672 §2.1.2: DNS Error Handling. A host that may have records is not known to conform without them;
        // what fails without them does not pass by hiding them.
        if case .conforming = seen, let trouble = host.tlsaTrouble { return .seen(.unreachable(trouble)) }
        return .seen(seen)
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
