// SPDX-License-Identifier: Apache-2.0
import Logging
import MTASTS
import NIOCore
import Synchronization

/// What all connections of a policy map share.
final class MapService: Sendable {
    /// The settings as they are in force for the connections that begin now.
    struct Terms: Sendable {
        let settings: PolicyMapSettings
        let names: MapNames
    }

    private struct Guests {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isClosing = false
    }

    let oracle: any MapOracle
    let logger: Logger
    let complaints: Complaints
    let requests = Atomic(0)
    let lookups = Atomic(0)
    private let terms: Mutex<Terms>
    private let guests = Mutex(Guests())

    init(settings: PolicyMapSettings, oracle: any MapOracle, logger: Logger) {
        self.oracle = oracle
        self.logger = logger
        complaints = Complaints(logger: logger)
        terms = Mutex(Terms(settings: settings, names: MapNames(settings.names)))
    }

    var currentTerms: Terms { terms.withLock { $0 } }
    var connections: Int { guests.withLock { $0.channels.count } }

    func apply(_ settings: PolicyMapSettings) {
        let new = Terms(settings: settings, names: MapNames(settings.names))
        terms.withLock { $0 = new }
    }

    /// Whether there is room for one more connection; it leaves by itself when it closes.
    func admit(_ channel: any Channel, limit: Int) -> Bool {
        let isAdmitted = guests.withLock { guests in
            guard !guests.isClosing, guests.channels.count < limit else { return false }
            guests.channels[ObjectIdentifier(channel)] = channel
            return true
        }
        guard isAdmitted else { return false }
        channel.closeFuture.whenComplete { _ in
            self.guests.withLock { _ = $0.channels.removeValue(forKey: ObjectIdentifier(channel)) }
        }
        return true
    }

    /// Admits nobody any more.
    /// - Returns: the connections there are.
    func closeDoor() -> [any Channel] {
        guests.withLock { guests in
            guests.isClosing = true
            return Array(guests.channels.values)
        }
    }

    /// Looks a key up; nil when so many wait already that this one must not.
    ///
    /// - Parameter patience: what the oracle is given; the caller keeps its own deadline.
    func lookUp(
        _ key: NextHop, within patience: Duration, then give: @escaping @Sendable (MapFinding) -> Void
    ) -> Bool {
        let limit = currentTerms.settings.maxLookups
        guard lookups.add(1, ordering: .relaxed).newValue <= limit else {
            lookups.subtract(1, ordering: .relaxed)
            return false
        }
        Task {
            let finding = await oracle.find(key, within: patience)
            lookups.subtract(1, ordering: .relaxed)
            give(finding)
        }
        return true
    }
}
