// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import DNS
import Events
import SMTP
import TLS

/// Tries STARTTLS on every address of a host, as far as the handshake: never MAIL, never DATA.
package final class SMTPProber: Prober {
    let resolver: DNSResolver
    let tls: TLSContext
    let connector: Connector
    let settings: ProbeSettings
    /// Not the same places, so that a task that waits for one holds none.
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
            places: settings.maxConcurrent, maxWaiting: settings.maxWaiting, waitLimit: settings.placeWaitLimit)
    }

    /// Whether all connections are taken and others wait: a host that keeps silent should not keep its place for long.
    var isCrowded: Bool { connections.isCrowded }

    package func probe(
        _ candidate: MXHost, routeIsSecure: Bool, for policyDomain: DomainName,
        turn: @escaping @Sendable (Bool) -> Void
    ) async -> ProbeResult {
        let turn = Turn(candidate, Share.owners(of: policyDomain, candidate.name), turn)
        let found: Result<HostLookup, LookupFailure>? = await turn.run(in: lookups, for: turn.shares) {
            do throws(LookupFailure) {
                return .success(try await look(up: candidate, routeIsSecure: routeIsSecure))
            } catch {
                return .failure(error)
            }
        }
        switch found {
        case nil: return .notTried(Self.crowded)
        case .failure(.unreachable(let text)): return .seen(.unreachable(text))
        // - RFC 7672 §2.1.2: DNS Error Handling. A host that may have records is not known to conform without them, and
        // its certificate says nothing: one that only TLSA records vouch for is as good as any.
        case .failure(.unresolved(let text)): return .seen(.unresolved(text))
        case .failure(.failing(let failure)): return .seen(.failing([failure], nil))
        case .failure(.localFailure(let text)): return .notTried(text)
        case .success(let host):
            return combine(
                await visit(host, of: policyDomain, turn), isWhole: host.isWhole, isOffline: Socket.isOffline)
        }
    }

    /// Why a host was not tried.
    private static let crowded = "too many hosts are being looked at"

    /// Looks at all addresses, a few at one time, so that no host sees a crowd and silent ones do not add up.
    private func visit(_ host: HostLookup, of policyDomain: DomainName, _ turn: Turn) async -> [AddressEvidence] {
        await withTaskGroup(of: AddressEvidence.self) { group in
            var seen: [AddressEvidence] = []
            for (index, address) in host.addresses.enumerated() {
                if index >= settings.maxAddressesAtOnce, let next = await group.next() { seen.append(next) }
                group.addTask { await self.visit(address, host, of: policyDomain, turn) }
            }
            return await group.reduce(into: seen) { $0.append($1) }
        }
    }

    /// Each address takes a place of its own block. A domain may name other people's addresses beside a slow one: it
    /// must not hold the places of their block.
    private func visit(
        _ address: IPAddress, _ host: HostLookup, of policyDomain: DomainName, _ turn: Turn
    ) async -> AddressEvidence {
        let seen = await turn.run(in: connections, for: turn.shares + [.block(of: address)]) { () -> AddressEvidence in
            let deadline = turn.start + settings.overallTimeout
            // What is left out for want of time was kept waiting by others, or by the host's own other addresses.
            guard .now < deadline else { return isCrowded ? .localFailure(Self.crowded) : .notDialled }
            let visit = ProbeAttempt(
                prober: self, candidate: turn.candidate, policyDomain: policyDomain, host: host, address: address,
                deadline: deadline)
            return await visit.run()
        }
        return seen ?? .localFailure(Self.crowded)
    }
}

/// What all steps for one host share: by whom places are counted, and whether it is for us that it has to wait.
private final class Turn: Sendable {
    private struct State {
        var underWay = 0
        var waiting = 0
    }

    let candidate: MXHost
    let shares: [Share]
    let start = ContinuousClock.now
    private let tell: @Sendable (Bool) -> Void
    private let state = Locked(State())

    init(_ candidate: MXHost, _ shares: [Share], _ tell: @escaping @Sendable (Bool) -> Void) {
        self.candidate = candidate
        self.shares = shares
        self.tell = tell
    }

    /// Does a step in a place of its own. The host waits for us while none of its steps has a place and strangers have
    /// taken them all; where its own steps have, it waits for itself.
    func run<Value>(in places: FairSemaphore, for shares: [Share], _ step: () async -> Value) async -> Value? {
        let waits = places.isFull
        if waits { change { $0.waiting += 1 } }
        let value = await places.run(for: shares) { () -> Value in
            change { state in
                state.underWay += 1
                if waits { state.waiting -= 1 }
            }
            defer { change { $0.underWay -= 1 } }
            return await step()
        }
        if value == nil, waits { change { $0.waiting -= 1 } }
        return value
    }

    private func change(_ change: (inout State) -> Void) {
        let (before, after) = state.withLock { state in
            let before = state.underWay == 0 && state.waiting > 0
            change(&state)
            return (before, state.underWay == 0 && state.waiting > 0)
        }
        if before != after { tell(!after) }
    }
}
