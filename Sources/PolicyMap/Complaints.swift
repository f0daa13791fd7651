// SPDX-License-Identifier: Apache-2.0
import Logging
import NIOCore
import Synchronization

/// What clients do wrong, or have too much of, in the log: one line a minute of each kind, whatever they do.
final class Complaints: Sendable {
    enum Kind: Sendable, Hashable {
        case garbage, unknownMap, tooManyConnections, tooManyLookups, acceptFailed, unreadableKey

        fileprivate var message: Logger.Message {
            switch self {
            case .garbage: "policy map: a client does not speak the socketmap protocol, connection closed"
            case .unknownMap:
                "policy map: a map was asked for that is not configured: use one of the names in the MTA's setting, or add this one to policy_map.names"
            case .tooManyConnections:
                "policy map: too many connections, the new one takes the place of another: see which client holds so many, or raise policy_map.max_connections"
            case .tooManyLookups:
                "policy map: too many lookups wait for the network, told the MTA to try again: see to the DNS, or raise policy_map.max_lookups"
            case .acceptFailed:
                "policy map: cannot accept connections, mail waits in the MTA's queue: see to the cause, such as the limit of open files"
            case .unreadableKey:
                "policy map: a next hop cannot be read, told the MTA to try again since a name in it has an enforce policy: see to the MTA's transports and relayhost"
            }
        }
    }

    /// Between two lines of one kind.
    static let pause = TimeAmount.minutes(1)

    private struct Count {
        var spokenAt: NIODeadline
        var kept = 0
    }

    private let logger: Logger
    private let counts = Mutex<[Kind: Count]>([:])

    init(logger: Logger) { self.logger = logger }

    func log(_ kind: Kind, _ details: @autoclosure () -> Logger.Metadata, at now: NIODeadline = .now()) {
        let untold = counts.withLock { counts -> Int? in
            if var count = counts[kind], now < count.spokenAt + Self.pause {
                count.kept += 1
                counts[kind] = count
                return nil
            }
            return counts.updateValue(Count(spokenAt: now), forKey: kind)?.kept ?? 0
        }
        guard let untold else { return }
        var metadata = details()
        if untold > 0 { metadata["more_before"] = "\(untold)" }
        logger.warning(kind.message, metadata: metadata)
    }
}
