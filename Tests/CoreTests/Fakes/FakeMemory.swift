// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// Policies in a dictionary.
final class FakeMemory: PolicyMemory, Fake {
    struct State {
        var policies: [DomainName: CachedPolicy] = [:]
        /// Comes in place of the policy right after the next look, as from another thread.
        var nextPolicy: CachedPolicy?
        /// Whether a policy that is not there is one that cannot be read.
        var isDamaged = false
    }

    let state = Locked(State())

    func policy(for domain: DomainName) -> CachedPolicy? {
        state.withLock { state in
            let policy = state.policies[domain]
            if let next = state.nextPolicy { (state.policies[domain], state.nextPolicy) = (next, nil) }
            return policy
        }
    }

    func life(of domain: DomainName) -> PolicyLife? { policy(for: domain)?.life }
    func isLoaded(_ domain: DomainName) -> Bool { true }
    func load(_ domain: DomainName) async -> Bool { true }

    func set(_ policy: CachedPolicy) { state.withLock { $0.policies[policy.domain] = policy } }
    func replace(_ life: PolicyLife?, by policy: CachedPolicy) -> Bool {
        state.withLock { state in
            guard state.policies[policy.domain]?.life == life else { return false }
            state.policies[policy.domain] = policy
            return true
        }
    }
    func remove(_ domain: DomainName) { state.withLock { $0.policies[domain] = nil } }

    func unreadable(_ domain: DomainName, at time: UTCTime) -> String? {
        self.isDamaged && policy(for: domain) == nil ? "cannot be read" : nil
    }
}
