// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Logging

/// What clients do wrong, or have too much of.
enum MapWarning: RepeatedWarning {
    case garbage, unknownMap, tooManyConnections, tooManyLookups, acceptFailed, unreadableKey

    var message: Logger.Message {
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
