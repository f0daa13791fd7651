// SPDX-License-Identifier: Apache-2.0
import Basics

/// Whom a place is counted for. What many hosts or names of one stranger take is one share, and leaves the rest to others.
package enum Share: Sendable, Hashable {
    /// All names that somebody registered, whether they ask or are asked.
    case owner(DomainName)
    /// The first octets of neighbouring addresses: a /24 of IPv4, a /56 of IPv6, as one customer gets them.
    case block([UInt8])

    package static func owner(of name: DomainName) -> Share { .owner(name.registrable) }

    package static func block(of address: IPAddress) -> Share {
        .block(Array(address.octets.prefix(address.isIPv6 ? 7 : 3)))
    }

    /// The owners of the names, each once.
    package static func owners(of names: DomainName...) -> [Share] { owners(of: names) }

    /// The owners of the names, each once.
    package static func owners(of names: [DomainName]) -> [Share] {
        names.reduce(into: []) { shares, name in
            let share = owner(of: name)
            if !shares.contains(share) { shares.append(share) }
        }
    }
}
