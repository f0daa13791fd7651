// SPDX-License-Identifier: Apache-2.0
import Basics

/// The policies in memory, those that have ended a while ago too: every answer is immediate.
package protocol PolicyMemory: Sendable {
    /// The policy last set, expired or not: the caller decides by the clock whether it is live.
    func policy(for domain: DomainName) -> CachedPolicy?
    /// When the policy begins and ends, without reading its text.
    func life(of domain: DomainName) -> PolicyLife?
    /// The domain's name as it stands here, so that who keeps it too holds the same octets; nil where there is no policy.
    func held(_ domain: DomainName) -> DomainName?
    /// Why the stored policy of the domain cannot be read, although it enforces and is live; nil where there is none
    /// such. A policy that is set takes its place.
    func unreadable(_ domain: DomainName, at time: UTCTime) -> String?
    func set(_ policy: CachedPolicy)
    func remove(_ domain: DomainName)
}

extension PolicyMemory {
    package func life(of domain: DomainName) -> PolicyLife? { policy(for: domain)?.life }
    package func held(_ domain: DomainName) -> DomainName? { life(of: domain) == nil ? nil : domain }
    package func unreadable(_ domain: DomainName, at time: UTCTime) -> String? { nil }
}
