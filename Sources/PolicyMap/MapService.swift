// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import Logging
import Metrics
import NIOCore
import Synchronization

/// What all connections of a policy map share.
final class MapService: Sendable {
    /// The settings as they are in force for the connections that begin now.
    struct ServedSettings: Sendable {
        let settings: PolicyMapSettings
        let names: MapNames
        /// Another one with each reload.
        let number: Int
    }

    let resolver: any MapResolver
    let logger: Logger
    let warnings: RateLimitedLog<MapWarning>
    let requests = Atomic(0)
    private let served: Locked<ServedSettings>
    private let clients = Locked(MapConnections())
    private let warm = Locked<[ObjectIdentifier: NIOLoopBound<WarmAnswers>]>([:])
    let counters = MapCounters()
    private let loopCounts = Locked<[CounterArray]>([])
    private let places = Locked(SharedPlaces<Share>())

    init(settings: PolicyMapSettings, resolver: any MapResolver, logger: Logger) {
        self.resolver = resolver
        self.logger = logger
        warnings = RateLimitedLog(logger: logger)
        served = Locked(ServedSettings(settings: settings, names: MapNames(settings.names), number: 0))
    }

    var currentSettings: ServedSettings { served.withLock { $0 } }
    var connections: Int { clients.withLock { $0.count } }
    var lookups: Int { places.withLock { $0.taken } }

    /// What the event loop keeps, on which this is called.
    func warmAnswers(of loop: any EventLoop) -> WarmAnswers {
        let found = warm.withLock { known in
            if let kept = known[ObjectIdentifier(loop)] { return kept }
            let made = WarmAnswers()
            loopCounts.withLock { $0.append(made.counts) }
            let kept = NIOLoopBound(made, eventLoop: loop)
            known[ObjectIdentifier(loop)] = kept
            return kept
        }
        return found.value
    }

    /// What was answered since the start.
    var counts: MapCounts { counters.counts(of: loopCounts.withLock { $0 }) }

    func apply(_ settings: PolicyMapSettings) {
        let names = MapNames(settings.names)
        served.withLock { $0 = ServedSettings(settings: settings, names: names, number: $0.number + 1) }
    }

    /// Takes one more connection; it leaves by itself when it closes. Over the limit it takes the place of another:
    /// see ``MapConnections``.
    /// - Returns: nil when the map is to stop.
    func admit(_ channel: any Channel, of peer: MapConnection.Peer, limit: Int) -> MapConnection? {
        let client = MapConnection(channel, of: peer)
        let (isAdmitted, loser) = clients.withLock { $0.admit(client, limit: limit) }
        if let loser {
            let holds = clients.withLock { $0.count(of: loser.peer) }
            warnings.warn(.tooManyConnections, ["limit": "\(limit)", "closed": "\(loser.peer)", "holds": "\(holds)"])
            // At once: an answer that is due may never be taken, and MTAs ask again on a new connection.
            loser.channel.close(promise: nil)
        }
        guard isAdmitted else { return nil }
        channel.closeFuture.whenComplete { _ in self.clients.withLock { $0.leave(client) } }
        return client
    }

    /// Admits nobody any more.
    /// - Returns: the connections there are.
    func stopAccepting() -> [any Channel] { clients.withLock { $0.stopAccepting() } }

    /// A lookup that an answer waits for. It has a place among those that may wait until it ends or its time is up.
    final class Lookup: Sendable {
        private let service: MapService
        private let shares: [Share]
        private let hasBegun = Atomic(false)
        private let hasEnded = Atomic(false)

        fileprivate init(_ service: MapService, _ shares: [Share]) {
            self.service = service
            self.shares = shares
        }

        fileprivate func begin() { hasBegun.store(true, ordering: .relaxed) }

        /// Gives the place back, however often it is called.
        func end() {
            if !hasEnded.exchange(true, ordering: .relaxed) { service.places.withLock { $0.give(shares) } }
        }

        /// Why nobody waits any longer, once time is up: one that never began says nothing of the domain.
        var ending: WaitEnding { hasBegun.load(ordering: .relaxed) ? .late : .crowded }
    }

    /// Looks a key up; nil when so many wait already, in all or for the owner of the domain, that this one must not.
    func lookUp(_ key: NextHop, for mta: DANESupport, then give: @escaping @Sendable (MapAnswer) -> Void) -> Lookup? {
        let limit = currentSettings.settings.maxLookups
        let shares = key.policyDomain.map { Share.owners(of: $0) } ?? []
        guard places.withLock({ $0.take(shares, of: limit) }) else { return nil }
        let lookup = Lookup(self, shares)
        Task {
            lookup.begin()
            let start = ContinuousClock.now
            let answer = await resolver.resolve(key, for: mta)
            counters.lookups.note(ContinuousClock.now - start)
            lookup.end()
            give(answer)
        }
        return lookup
    }
}
