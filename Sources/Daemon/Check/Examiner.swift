// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Discovery
import MTASTS
import Reporting
import Settings

/// Looks at a domain as the daemon would, by the same walk, without its memory, and keeps all that was seen.
package final class Examiner: Sendable {
    private let context: InspectionContext

    /// - Parameter workspace: its logger tells of a store that cannot be read; the examination goes on without it.
    package init(_ workspace: Workspace) async throws { context = try await InspectionContext(workspace) }

    /// Looks by these adapters, as somebody would who knows nothing of the daemon's policies.
    init(_ settings: Settings, by network: NetworkAdapters) { context = InspectionContext(settings, by: network) }

    package func shutdown() { context.shutdown() }

    package func examine(_ domain: DomainName) async -> Examination {
        let (network, settings) = (context.network, context.settings)
        async let reporting = network.reportRecords.record(for: domain)
        let discovery = RememberedDiscovery(network.discoverer)
        let record = await discovery.record(for: domain)
        let walk = context.walk(by: discovery)
        // The network first: it is to be shown as it is now.
        _ = await walk.policy(of: domain)
        let question = VerdictQuestion(
            settings.gate.enforcement.unheard, settings.gate.hostCheck, dane: settings.gate.dane, isExamination: true)
        let walked = await walk.resolve(question, about: domain)
        return Examination(
            of: domain, record: record, reading: discovery.reading, certificateEnd: discovery.certificateEnd,
            verdict: walked.answer, known: walked.known,
            reporting: ReportAudience(await reporting, for: domain, never: settings.reports.reporting.never))
    }
}

/// Asks for the record and the policy once, and keeps what came.
private final class RememberedDiscovery: PolicyDiscoverer {
    private struct State {
        var record: RecordLookup?
        var reading: Policy.Reading?
        var certificateEnd: UTCTime?
    }

    private let network: HTTPPolicyDiscoverer
    private let state = Locked(State())

    init(_ network: HTTPPolicyDiscoverer) { self.network = network }

    /// The policy as it was fetched; nil if it was not.
    var reading: Policy.Reading? { state.withLock { $0.reading } }

    /// When the certificate of the policy's host ends; nil if none was fetched.
    var certificateEnd: UTCTime? { state.withLock { $0.certificateEnd } }

    func record(for domain: DomainName) async -> RecordLookup {
        if let record = state.withLock({ $0.record }) { return record }
        let record = await network.record(for: domain)
        state.withLock { $0.record = record }
        return record
    }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        let seen = try await network.fetchSeeing(domain, isRenewal: isRenewal)
        state.withLock { ($0.reading, $0.certificateEnd) = (seen.reading, seen.certificateEnd) }
        return seen.reading
    }
}
