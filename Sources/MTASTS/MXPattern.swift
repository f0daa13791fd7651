// SPDX-License-Identifier: Apache-2.0
import Basics

/// One `mx` value of a policy: a host name, or `*.` and the name under which any single label may stand.
package struct MXPattern: Sendable, Hashable, CustomStringConvertible {
    package let domain: DomainName
    package let isWildcard: Bool

    /// Reads a value as published; a trailing dot and upper case are tolerated, U-labels are not.
    ///
    /// Underscores are read as in an MX record, since a host with one is judged as any other.
    ///
    /// - RFC 8461 §3.2: an `mx` value is `["*."] Domain`, in A-labels.
    package init(_ text: some StringProtocol) throws(DomainNameError) {
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { throw .forbiddenCharacter }
        isWildcard = text.hasPrefix("*.")
        domain = try DomainName(mxHost: isWildcard ? text.dropFirst(2) : text.dropFirst(0))
    }

    /// The pattern that covers this one host.
    package init(exact host: DomainName) {
        isWildcard = false
        domain = host
    }

    package var description: String { isWildcard ? "*.\(domain)" : domain.ascii }

    /// Whether the name of an MX host is covered. - RFC 8461 §4.1: the wildcard stands for exactly the left-most label.
    package func matches(_ host: DomainName) -> Bool { isWildcard ? host.isChild(of: domain) : host == domain }
}
