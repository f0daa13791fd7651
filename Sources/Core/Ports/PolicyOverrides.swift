// SPDX-License-Identifier: Apache-2.0
import Basics

/// The policies that stand by themselves, without the network: the operator's, and those of a signed list.
package protocol PolicyOverrides: Sendable {
    /// The operator's policy for the domain: it outranks all that the domain publishes.
    func pinned(_ domain: DomainName, at time: UTCTime) -> CachedPolicy?
    /// The list's policy for the domain: it applies only where the domain's own cannot be fetched and none is cached.
    func preloaded(_ domain: DomainName, at time: UTCTime) -> CachedPolicy?
}

/// None at all.
package struct NoPolicyOverrides: PolicyOverrides {
    package init() {}
    package func pinned(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? { nil }
    package func preloaded(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? { nil }
}
