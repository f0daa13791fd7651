// SPDX-License-Identifier: Apache-2.0
import Basics

/// The other machines that are one sender with this one: what they have fetched, and who of us fetches what.
///
/// They are asked by lookups in the background only, and every failure means that this machine fetches by itself.
package protocol PolicyPeers: Sendable {
    /// Asked before the fetch of a policy that the domain's record announces. Takes some tenths of a second at most, or as
    /// long as it is worth waiting for another machine that fetches the same now, if one does.
    /// - Parameters:
    ///   - id: the record's, as it was seen just now.
    ///   - time: a policy that was fetched before is of no use.
    /// - Returns: what another machine has fetched, which is still to be judged; nil if this one is to fetch.
    func fetched(_ domain: DomainName, id: String, since time: UTCTime) async -> CachedPolicy?
    /// Asked before policies in use are fetched anew.
    /// - Returns: nil if nobody can say, so that this machine fetches them all.
    func claimRenewals(of domains: [DomainName]) async -> RenewalClaims?
    /// Tells of a policy that this machine has fetched; must not wait.
    func offer(_ policy: CachedPolicy)
    /// This machine has failed to fetch it, so that others need not wait for it; must not wait.
    func release(_ domain: DomainName)
    /// The operator has had the domain's policy forgotten here; may wait for the disk, and for nothing else. Other machines hear
    /// of it whatever happens then.
    func announceForgotten(_ domain: DomainName, at time: UTCTime) async
}

/// Which policies an operator had forgotten here without that other machines were told yet; kept across restarts.
package protocol ForgottenPolicies: Sendable {
    func keepForgotten(_ domain: DomainName, at time: UTCTime) async throws
    func forgottenPolicies() async throws -> [DomainName: UTCTime]
    /// Lets go of those that were forgotten at these times or before.
    func dropForgotten(_ domains: [DomainName: UTCTime]) async throws
}

/// Who fetches policies anew.
package struct RenewalClaims: Sendable {
    /// Those that this machine is to fetch.
    package let ours: Set<DomainName>
    /// What others have fetched of all that was asked for, which is still to be judged.
    package let fetched: [CachedPolicy]

    package init(ours: Set<DomainName>, fetched: [CachedPolicy]) {
        self.ours = ours
        self.fetched = fetched
    }
}

/// This machine is a sender of its own.
package struct NoPolicyPeers: PolicyPeers {
    package init() {}
    package func fetched(_ domain: DomainName, id: String, since time: UTCTime) async -> CachedPolicy? { nil }
    package func claimRenewals(of domains: [DomainName]) async -> RenewalClaims? { nil }
    package func offer(_ policy: CachedPolicy) {}
    package func release(_ domain: DomainName) {}
    package func announceForgotten(_ domain: DomainName, at time: UTCTime) async {}
}
