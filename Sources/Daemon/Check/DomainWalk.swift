// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Store

/// The daemon's own walk to domains, to its end. - RFC 8461 §5.1: Policy Application Control Flow.
struct DomainWalk: Sendable {
    let memory: PolicyTable
    let policies: PolicyCache
    let store: Store?
    let resolver: NextHopResolver

    /// The policy as the network gives it now, or else the stored one: a cached policy that has not expired applies when
    /// no live one can be fetched. - RFC 8461 §3.3: HTTPS Policy Fetching.
    func policy(of domain: DomainName) async -> PolicyLookup {
        let found = await policies.resolve(domain)
        let live = found.cached
        guard live == nil || live?.origin == .preloaded, let stored = try? await store?.policy(for: domain) else {
            return found
        }
        memory.set(stored)
        return await policies.resolve(domain)
    }

    /// The answer to a question about mail to the domain's MX hosts, once its policy was asked for.
    func resolve<Asked: Question>(_ question: Asked, about domain: DomainName) async -> Resolved<Asked.Answer> {
        await resolver.resolve(question, about: .mx(of: domain, port: NextHop.smtpPort))
    }
}
