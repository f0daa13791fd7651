// SPDX-License-Identifier: Apache-2.0
import Basics
import DNS

/// A server as a URL or a setting names it; in text, an IPv6 address stands in brackets.
package enum ServerHost: Sendable, Hashable, CustomStringConvertible {
    case name(DomainName)
    case address(IPAddress)

    package var description: String {
        switch self {
        case .name(let name): name.ascii
        case .address(let address): address.isIPv6 ? "[\(address)]" : address.description
        }
    }
}
