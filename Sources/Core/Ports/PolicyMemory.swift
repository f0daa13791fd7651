// SPDX-License-Identifier: Apache-2.0
import Basics

/// The policies in memory, those that have ended a while ago too: every answer is immediate.
package protocol PolicyMemory: Sendable {
    /// The policy last set, expired or not: the caller decides by the clock whether it is live.
    func policy(for domain: DomainName) -> CachedPolicy?
    /// When the policy begins and ends, without reading its text.
    func life(of domain: DomainName) -> PolicyLife?
    /// Whether all that is stored of the domain is here. Until then, as the daemon starts, nothing may be concluded from
    /// what is not here.
    func isLoaded(_ domain: DomainName) -> Bool
    /// Reads what is stored of the domain, if it is not here yet; false where it cannot be read.
    func load(_ domain: DomainName) async -> Bool
    /// Why the stored policy of the domain cannot be read, although it enforces and is live; nil where there is none
    /// such. A policy that is set takes its place.
    func unreadable(_ domain: DomainName, at time: UTCTime) -> String?
    func set(_ policy: CachedPolicy)
    /// Sets the policy if what is held is still what the caller has seen; nil for nothing.
    func replace(_ life: PolicyLife?, by policy: CachedPolicy) -> Bool
    func remove(_ domain: DomainName)
}
