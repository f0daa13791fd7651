// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency

/// What the DNS said of MX hosts' TLSA records, for as long as it is good; one lookup in flight for a host.
package final class DANECache: Sendable {
    /// How long what the DNS said is believed.
    private static let answerStandsFor = Duration.seconds(300)
    /// How long a lookup that got no answer is not tried again.
    private static let failureStandsFor = Duration.seconds(10)
    /// Hosts that may be looked up at one time.
    private static let maxFlights = 20_000

    private struct Key: TableKey {
        let candidate: MXHost
        let routeIsSecure: Bool

        var tableHash: UInt64 { candidate.tableHash }
    }

    private let surveyor: any DANESurveyor
    private let clock: any WallClock
    private let table = TTLCache<Key, DANEStatus>(octets: MemoryBudget.surveys) { key, status in
        key.candidate.name.heldOctets + status.heldOctets
    }
    private let flights = SingleFlight<Key, DANEStatus>(capacity: maxFlights) { $0.candidate.name }

    init(surveyor: any DANESurveyor, clock: any WallClock) {
        self.surveyor = surveyor
        self.clock = clock
    }

    func forgetAll() { table.removeAll() }

    /// Lets go of what is remembered no longer.
    func sweep() { table.sweep(at: clock.now) }

    /// What memory holds, in the order of the hosts; nil unless it holds all of them.
    func cached(_ route: Route, at now: UTCTime) -> [DANEStatus]? {
        var statuses: [DANEStatus] = []
        for candidate in route.candidates {
            let key = Key(candidate: candidate, routeIsSecure: route.isSecure)
            guard let status = table.value(for: key, at: now) else { return nil }
            statuses.append(status)
        }
        return statuses
    }

    /// Each from memory, or looked up now; in the order of the hosts.
    func resolve(_ route: Route) async -> [DANEStatus] {
        await withTaskGroup(of: (Int, DANEStatus).self) { group in
            for (index, candidate) in route.candidates.enumerated() {
                let key = Key(candidate: candidate, routeIsSecure: route.isSecure)
                group.addTask { (index, await self.survey(key)) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// The records that a host of a secure route is held to; nil where none of them is usable.
    func tlsaPolicy(of candidate: MXHost) async -> TLSAPolicy? {
        guard await survey(Key(candidate: candidate, routeIsSecure: true)) == .usable else { return nil }
        return await surveyor.tlsaPolicy(of: candidate) ?? TLSAPolicy(base: candidate.name)
    }

    private func survey(_ key: Key) async -> DANEStatus {
        if let known = table.value(for: key, at: clock.now) { return known }
        let found = await flights.join(key) { [self] in
            let status = await surveyor.survey(key.candidate, routeIsSecure: key.routeIsSecure)
            let keepFor =
                switch status {
                case .unknown, .unreachable: Self.failureStandsFor
                case .usable, .unusable, .absent, .bogus: Self.answerStandsFor
                }
            table.set(status, for: key, at: clock.now, keepFor: keepFor)
            return status
        }
        return found ?? .unknown("too many lookups in flight")
    }
}
