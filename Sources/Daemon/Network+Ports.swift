// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Reporting
import TLSRPT

/// Each question goes to the adapters in force when it is put.
extension Network: Router, PolicyDiscoverer, Prober, DANESurveyor, DocumentSource, ReportCarrier {
    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration) {
        try await ask { adapters throws(RouteError) in try await adapters.router.route(to: nextHop) }
    }

    func record(for domain: DomainName) async -> RecordLookup {
        await ask { await $0.discoverer.record(for: domain) }
    }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        let start = ContinuousClock.now
        do throws(FetchError) {
            let reading = try await ask { adapters throws(FetchError) in
                try await adapters.discoverer.fetch(for: domain, isRenewal: isRenewal)
            }
            counts.note(.ok, since: start)
            return reading
        } catch {
            counts.note(NetworkCounts.Fetch(error), since: start)
            throw error
        }
    }

    func survey(_ candidate: MXHost, routeIsSecure: Bool) async -> DANEStatus {
        await ask { await $0.prober.survey(candidate, routeIsSecure: routeIsSecure) }
    }

    func tlsaPolicy(of candidate: MXHost) async -> TLSAPolicy? {
        await ask { await $0.prober.tlsaPolicy(of: candidate) }
    }

    func document(at url: String, limitBytes: Int) async throws(DocumentError) -> [UInt8] {
        try await ask { adapters throws(DocumentError) in
            try await adapters.discoverer.documents.document(at: url, limitBytes: limitBytes)
        }
    }

    func probe(
        _ candidate: MXHost, routeIsSecure: Bool, for policyDomain: DomainName,
        turn: @escaping @Sendable (Bool) -> Void
    ) async -> ProbeResult {
        let start = ContinuousClock.now
        let result = await ask {
            await $0.prober.probe(candidate, routeIsSecure: routeIsSecure, for: policyDomain, turn: turn)
        }
        counts.note(result.status, since: start)
        return result
    }

    /// TLSRPT records, as the resolver of the day answers.
    var reportRecords: any ReportRecordSource { Records(network: self) }

    private struct Records: ReportRecordSource {
        let network: Network

        func record(for domain: DomainName) async -> ReportRecordLookup {
            await network.ask { await $0.reportRecords.record(for: domain) }
        }
    }

    func prepare(_ report: CompressedReport, for destination: ReportDestination) async -> ReportPreparation {
        await ask { await $0.courier.prepare(report, for: destination) }
    }
}
