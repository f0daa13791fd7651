// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import Logging
import MTASTS
import Preload
import Reporting
import Settings
import Store

/// Looks at a domain as the daemon would, by the same walk, without its memory, and keeps all that was seen.
package final class Examiner: Sendable {
    private let settings: Settings
    private let network: NetworkAdapters
    private let store: Store?
    private let overrides: KeptOverrides
    private let clock = SystemClock()

    /// - Parameter workspace: its logger tells of a store that cannot be read; the examination goes on without it.
    package init(_ workspace: Workspace) async throws {
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

    package func shutdown() { network.shutdown() }

    package func examine(_ domain: DomainName) async -> Examination {
        async let reporting = network.reportRecords.record(for: domain)
        let discovery = RememberedDiscovery(network.discoverer)
        let record = await discovery.record(for: domain)
        let walked = await walk(to: domain, by: discovery)
        return Examination(
            of: domain, record: record, reading: discovery.reading, verdict: walked.answer, known: walked.known,
            reporting: ReportAudience(await reporting, for: domain, never: settings.reports.reporting.never))
    }

    /// The daemon's own walk, to its end. - RFC 8461 §5.1: Policy Application Control Flow.
    private func walk(to domain: DomainName, by discovery: RememberedDiscovery) async -> Resolved<Verdict> {
        // What happens is shown, not logged.
        let silent = Logger(label: "check") { _ in SwiftLogNoOpLogHandler() }
        let memory = PolicyTable(logger: silent)
        let policies = PolicyCache(
            memory: memory, store: NoPolicyStore(), discoverer: discovery, overrides: overrides, clock: clock,
            logger: silent,
            settings: settings.policyCache)
        // The network first: it is to be shown as it is now. - RFC 8461 §3.3: a cached policy that has not expired
        // applies when no live one can be fetched.
        let live = await policies.resolve(domain).cached
        if live == nil || live?.origin == .preloaded, let stored = try? await store?.policy(for: domain) {
            memory.set(stored)
        }
        let resolver = NextHopResolver(
            policies: policies, routes: RouteCache(router: network.router, clock: clock), prober: network.prober,
            surveyor: network.prober, clock: clock)
        let question = VerdictQuestion(
            settings.gate.enforcement, settings.gate.hostCheck, dane: settings.gate.dane, isExamination: true)
        return await resolver.resolve(question, about: .mx(of: domain, port: NextHop.smtpPort))
    }
}

/// Asks for the record and the policy once, and keeps what came.
private final class RememberedDiscovery: PolicyDiscoverer {
    private struct State {
        var record: RecordLookup?
        var reading: Policy.Reading?
    }

    private let network: any PolicyDiscoverer
    private let state = Locked(State())

    init(_ network: any PolicyDiscoverer) { self.network = network }

    /// The policy as it was fetched; nil if it was not.
    var reading: Policy.Reading? { state.withLock { $0.reading } }

    func record(for domain: DomainName) async -> RecordLookup {
        if let record = state.withLock({ $0.record }) { return record }
        let record = await network.record(for: domain)
        state.withLock { $0.record = record }
        return record
    }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        let reading = try await network.fetch(for: domain, isRenewal: isRenewal)
        state.withLock { $0.reading = reading }
        return reading
    }
}
