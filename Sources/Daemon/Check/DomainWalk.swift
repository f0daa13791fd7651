// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import Logging
import Preload
import Settings
import Store

/// What a command looks at domains with, beside a daemon that may be running: the network, and what the daemon keeps.
struct DomainSight: Sendable {
    let settings: Settings
    let network: NetworkAdapters
    private let store: Store?
    private let overrides: any PolicyOverrides
    private let clock = SystemClock()

    /// Looks by these adapters, without what the daemon keeps.
    init(_ settings: Settings, by network: NetworkAdapters) {
        self.settings = settings
        self.network = network
        store = nil
        overrides = NoPolicyOverrides()
    }

    /// - Parameter workspace: its logger tells of a store that cannot be read; the command goes on without it.
    init(_ workspace: Workspace) async throws {
        settings = workspace.settings
        let opened = try await workspace.openNetwork()
        network = opened.adapters
        // Without a store there is no cached policy to fall back on: the domain is seen as by a new daemon.
        store =
            FileManager.default.isReadableFile(atPath: settings.storePath) ? try? workspace.openStore() : nil
        let preload = PreloadLists(
            directory: URL(fileURLWithPath: settings.storePath).deletingLastPathComponent().path,
            scratch: FileManager.default.temporaryDirectory.path, documents: opened, clock: clock,
            logger: workspace.logger)
        await preload.serveKept(settings.preload)
        overrides = KeptOverrides(pins: settings.localPolicies, preload: preload)
    }

    func shutdown() { network.shutdown() }

    /// A walk with an empty memory.
    func walk(by discoverer: any PolicyDiscoverer) -> DomainWalk {
        // What happens is shown, not logged.
        let silent = Logger(label: "check") { _ in SwiftLogNoOpLogHandler() }
        let memory = PolicyTable(logger: silent)
        let policies = PolicyCache(
            memory: memory, store: NoPolicyStore(), discoverer: discoverer, overrides: overrides, clock: clock,
            logger: silent, settings: settings.policyCache)
        let resolver = NextHopResolver(
            policies: policies, routes: RouteCache(router: network.router, clock: clock), prober: network.prober,
            surveyor: network.prober, clock: clock)
        return DomainWalk(memory: memory, policies: policies, store: store, resolver: resolver)
    }
}

/// The daemon's own walk to domains, to its end. - RFC 8461 §5.1: Policy Application Control Flow.
struct DomainWalk: Sendable {
    fileprivate let memory: PolicyTable
    fileprivate let policies: PolicyCache
    fileprivate let store: Store?
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
