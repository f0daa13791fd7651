// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Core
import Logging
import NIOCore
import Synchronization

/// What all connections of a policy map share.
final class MapService: Sendable {
    /// The settings as they are in force for the connections that begin now.
    struct Terms: Sendable {
        let settings: PolicyMapSettings
        let names: MapNames
    }

    let resolver: any MapResolver
    let logger: Logger
    let warnings: RateLimitedLog<MapWarning>
    let requests = Atomic(0)
    let lookups = Atomic(0)
    private let terms: Mutex<Terms>
    private let guests = Mutex(MapConnections())

    init(settings: PolicyMapSettings, resolver: any MapResolver, logger: Logger) {
        self.resolver = resolver
        self.logger = logger
        warnings = RateLimitedLog(logger: logger)
        terms = Mutex(Terms(settings: settings, names: MapNames(settings.names)))
    }

    var currentTerms: Terms { terms.withLock { $0 } }
    var connections: Int { guests.withLock { $0.count } }

    func apply(_ settings: PolicyMapSettings) {
        let new = Terms(settings: settings, names: MapNames(settings.names))
        terms.withLock { $0 = new }
    }

    /// Takes one more connection; it leaves by itself when it closes. Over the limit it takes the place of another:
    /// see ``MapConnections``.
    /// - Returns: nil when the map is to stop.
    func admit(_ channel: any Channel, of peer: MapConnection.Peer, limit: Int) -> MapConnection? {
        let guest = MapConnection(channel, of: peer)
        let (isAdmitted, loser) = guests.withLock { $0.admit(guest, limit: limit) }
        if let loser {
            let holds = guests.withLock { $0.count(of: loser.peer) }
            warnings.warn(.tooManyConnections, ["limit": "\(limit)", "closed": "\(loser.peer)", "holds": "\(holds)"])
            // At once: an answer that is due may never be taken, and MTAs ask again on a new connection.
            loser.channel.close(promise: nil)
        }
        guard isAdmitted else { return nil }
        channel.closeFuture.whenComplete { _ in self.guests.withLock { $0.leave(guest) } }
        return guest
    }

    /// Admits nobody any more.
    /// - Returns: the connections there are.
    func closeDoor() -> [any Channel] { guests.withLock { $0.closeDoor() } }

    /// A lookup that an answer waits for. It has a place among those that may wait until it ends or its time is up.
    final class Lookup: Sendable {
        private let service: MapService
        private let hasEnded = Atomic(false)

        fileprivate init(_ service: MapService) { self.service = service }

        /// Gives the place back, however often it is called.
        func end() {
            if !hasEnded.exchange(true, ordering: .relaxed) { service.lookups.subtract(1, ordering: .relaxed) }
        }
    }

    /// Looks a key up; nil when so many wait already that this one must not.
    func lookUp(_ key: NextHop, then give: @escaping @Sendable (MapAnswer) -> Void) -> Lookup? {
        let limit = currentTerms.settings.maxLookups
        guard lookups.add(1, ordering: .relaxed).newValue <= limit else {
            lookups.subtract(1, ordering: .relaxed)
            return nil
        }
        let lookup = Lookup(self)
        Task {
            let answer = await resolver.resolve(key)
            lookup.end()
            give(answer)
        }
        return lookup
    }
}
