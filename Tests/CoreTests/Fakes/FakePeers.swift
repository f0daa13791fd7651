// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// Other machines, as the test has them.
final class FakePeers: PolicyPeers, Fake {
    struct State {
        /// What a lookup is told.
        var found: CachedPolicy?
        /// What happens while it asks.
        var meanwhile: (@Sendable () async -> Void)?
        /// What the refresher is told.
        var claims: RenewalClaims?
        var questions = 0
        var offered: [CachedPolicy] = []
        var released: [DomainName] = []
        var forgotten: [DomainName: UTCTime] = [:]
    }

    let state = Locked(State())

    func fetched(_ domain: DomainName, id: String, since time: UTCTime) async -> CachedPolicy? {
        let (found, meanwhile) = state.withLock {
            $0.questions += 1
            return ($0.found, $0.meanwhile)
        }
        await meanwhile?()
        return found
    }
    func claimRenewals(of domains: [DomainName]) async -> RenewalClaims? {
        await self.meanwhile?()
        return self.claims
    }
    func offer(_ policy: CachedPolicy) { state.withLock { $0.offered.append(policy) } }
    func release(_ domain: DomainName) { state.withLock { $0.released.append(domain) } }
    func announceForgotten(_ domain: DomainName, at time: UTCTime) async {
        state.withLock { $0.forgotten[domain] = time }
    }
}
