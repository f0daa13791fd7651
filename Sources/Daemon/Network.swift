// SPDX-License-Identifier: Apache-2.0
import Courier
import Discovery
import MTASTS
import Names
import Probe
import Synchronization
import TLSRPT
import Wire

/// The adapters that ask the network, made from one set of settings.
struct NetworkAdapters: Sendable {
    let resolver: DNSResolver
    let connector: Connector
    let router: MXRouter
    let discoverer: HTTPPolicyDiscoverer
    let prober: SMTPProber
    let reportRecords: ReportRecordLookup
    let courier: Courier

    init(_ settings: Settings) throws {
        resolver = try DNSResolver(settings.dns)
        router = MXRouter(resolver: resolver, timeout: settings.dnsTimeout)
        discoverer = try HTTPPolicyDiscoverer(resolver: resolver, settings: settings.discovery)
        connector = try Connector()
        let tls = try TLSContext(caFile: settings.caFile)
        prober = SMTPProber(resolver: resolver, tls: tls, connector: connector, settings: settings.probe)
        reportRecords = ReportRecordLookup(resolver: resolver, timeout: settings.dnsTimeout)
        courier = try Courier(
            settings.reports.courier, resolver: resolver, connector: connector, tls: tls, now: { SystemClock().now })
    }

    func shutdown() {
        resolver.shutdown()
        connector.shutdown()
    }

    /// Adapters that work with the resolvers there are, and what they make of DNSSEC.
    ///
    /// A resolver that strips signatures makes every name fail DNSSEC validation, which would end all MTA-STS. Where
    /// nobody asked for a trust anchor, validation is then left out: answers are insecure, DANE does not apply, and
    /// MTA-STS works as it does without DNSSEC. An anchor that the settings name is never given up.
    static func adapted(to settings: Settings) async throws -> (NetworkAdapters, DNSSECUse) {
        let adapters = try NetworkAdapters(settings)
        switch settings.dns.trustAnchor {
        case .none: return (adapters, .unwanted)
        case .file: return (adapters, .validated)
        case .system: break
        }
        switch await adapters.resolver.validation(within: validationPatience) {
        case .works: return (adapters, .validated)
        case .off: return (adapters, .withoutAnchor)
        case .unknown: return (adapters, .untested)
        case .fails(let why):
            adapters.shutdown()
            var plain = settings
            plain.dns.trustAnchor = .none
            return (try NetworkAdapters(plain), .stripped(why))
        }
    }

    /// How long a start waits to hear whether validation works.
    private static let validationPatience = Duration.seconds(5)
}

/// The network as the pipeline sees it; a reload exchanges the adapters behind it.
final class Network: Router, PolicyDiscoverer, Prober, DANESurveyor, DocumentSource, ReportCarrier {
    /// How long replaced adapters may finish what they are at: longer than any of their deadlines by default.
    private static let farewell = Duration.seconds(120)

    private let current: Mutex<NetworkAdapters>

    init(_ adapters: NetworkAdapters) { current = Mutex(adapters) }

    private var adapters: NetworkAdapters { current.withLock { $0 } }

    func exchange(for new: NetworkAdapters) {
        let old = current.withLock { current in
            defer { current = new }
            return current
        }
        Task {
            try? await Task.sleep(for: Self.farewell)
            old.shutdown()
        }
    }

    func shutdown() { adapters.shutdown() }

    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration) {
        try await adapters.router.route(to: nextHop)
    }

    func record(for domain: DomainName) async -> RecordFinding { await adapters.discoverer.record(for: domain) }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        try await adapters.discoverer.fetch(for: domain, isRenewal: isRenewal)
    }

    func survey(_ candidate: Candidate, routeIsSecure: Bool) async -> DANEStatus {
        await adapters.prober.survey(candidate, routeIsSecure: routeIsSecure)
    }

    func document(at url: String, limitBytes: Int) async throws(DocumentError) -> [UInt8] {
        try await adapters.discoverer.documents.document(at: url, limitBytes: limitBytes)
    }

    func probe(
        _ candidate: Candidate, routeIsSecure: Bool, for policyDomain: DomainName, begun: @escaping @Sendable () -> Void
    ) async -> ProbeResult {
        await adapters.prober.probe(candidate, routeIsSecure: routeIsSecure, for: policyDomain, begun: begun)
    }

    /// TLSRPT records, as the resolver of the day answers.
    var reportRecords: any ReportRecordSource { Records(network: self) }

    private struct Records: ReportRecordSource {
        let network: Network

        func record(for domain: DomainName) async -> ReportRecordFinding {
            await network.adapters.reportRecords.record(for: domain)
        }
    }

    func carry(
        _ report: PackedReport, to destination: ReportDestination, commit: @Sendable () async -> Bool
    ) async -> CarriageResult {
        await adapters.courier.carry(report, to: destination, commit: commit)
    }
}
