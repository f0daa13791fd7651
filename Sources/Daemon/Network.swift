// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Courier
import DNS
import Discovery
import HTTP
import MTASTS
import Probe
import Reporting
import SMTP
import Settings
import Synchronization
import TLS
import TLSRPT

/// The adapters that ask the network, made from one set of settings.
struct NetworkAdapters: Sendable {
    let resolver: DNSResolver
    let connector: Connector
    let http: HTTPClient
    let router: MXRouter
    let discoverer: HTTPPolicyDiscoverer
    let prober: SMTPProber
    let reportRecords: ReportRecordResolver
    let courier: Courier

    init(_ settings: Settings) throws {
        resolver = try DNSResolver(settings.dns)
        router = MXRouter(resolver: resolver, timeout: settings.dnsTimeout)
        connector = try Connector()
        let tls = try TLSContext(caFile: settings.caFile)
        http = try HTTPClient()
        discoverer = HTTPPolicyDiscoverer(resolver: resolver, settings: settings.discovery, http: http, trust: tls)
        prober = SMTPProber(resolver: resolver, tls: tls, connector: connector, settings: settings.probe)
        reportRecords = ReportRecordResolver(resolver: resolver, timeout: settings.dnsTimeout)
        courier = try Courier(
            settings.reports.courier, resolver: resolver, connector: connector, tls: tls, http: http,
            now: { SystemClock().now })
    }

    func shutdown() {
        resolver.shutdown()
        connector.shutdown()
        http.shutdown()
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
///
/// A question is answered by the adapters that it was put to, however long it takes: replaced ones are shut down when
/// their last question is answered.
final class Network: Router, PolicyDiscoverer, Prober, DANESurveyor, DocumentSource, ReportCarrier {
    private struct State {
        var current: AdaptersInUse
        /// Replaced, and not yet done.
        var former: [ObjectIdentifier: AdaptersInUse] = [:]
        /// Counts the exchanges.
        var generation = 0
        var isShutDown = false
    }

    private let state: Mutex<State>

    init(_ adapters: NetworkAdapters) { state = Mutex(State(current: AdaptersInUse(adapters))) }

    /// Another number after each exchange.
    var generation: Int { state.withLock { $0.generation } }

    /// Puts new adapters in place of those there are; what they were asked they still answer.
    /// - Parameter generation: takes the new ones only if nobody has exchanged since this number was had; nil takes them
    ///   in any case.
    /// - Returns: whether they are in place; if not, or if the network is shut down, they are shut down as well.
    func exchange(for new: NetworkAdapters, ifStill generation: Int? = nil) -> Bool {
        let old: AdaptersInUse? = state.withLock { state in
            guard !state.isShutDown, generation ?? state.generation == state.generation else { return nil }
            let old = state.current
            state.former[ObjectIdentifier(old)] = old
            state.current = AdaptersInUse(new)
            state.generation += 1
            return old
        }
        guard let old else {
            new.shutdown()
            return false
        }
        if old.retire() { end(old) }
        return true
    }

    func shutdown() {
        let all = state.withLock { state in
            state.isShutDown = true
            return Array(state.former.values) + [state.current]
        }
        for adapters in all { adapters.adapters.shutdown() }
    }

    private func end(_ old: AdaptersInUse) {
        state.withLock { $0.former[ObjectIdentifier(old)] = nil }
        old.adapters.shutdown()
    }

    /// Puts one question to the adapters of now.
    private func ask<Answer, Failure: Error>(
        _ question: (NetworkAdapters) async throws(Failure) -> Answer
    ) async throws(Failure) -> Answer {
        let inUse = state.withLock { state in
            state.current.enter()
            return state.current
        }
        defer { if inUse.leave() { end(inUse) } }
        return try await question(inUse.adapters)
    }

    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration) {
        try await ask { adapters throws(RouteError) in try await adapters.router.route(to: nextHop) }
    }

    func record(for domain: DomainName) async -> RecordLookup {
        await ask { await $0.discoverer.record(for: domain) }
    }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        try await ask { adapters throws(FetchError) in
            try await adapters.discoverer.fetch(for: domain, isRenewal: isRenewal)
        }
    }

    func survey(_ candidate: MXHost, routeIsSecure: Bool) async -> DANEStatus {
        await ask { await $0.prober.survey(candidate, routeIsSecure: routeIsSecure) }
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
        await ask { await $0.prober.probe(candidate, routeIsSecure: routeIsSecure, for: policyDomain, turn: turn) }
    }

    /// TLSRPT records, as the resolver of the day answers.
    var reportRecords: any ReportRecordSource { Records(network: self) }

    private struct Records: ReportRecordSource {
        let network: Network

        func record(for domain: DomainName) async -> ReportRecordLookup {
            await network.ask { await $0.reportRecords.record(for: domain) }
        }
    }

    func carry(
        _ report: CompressedReport, to destination: ReportDestination, commit: @Sendable () async -> Bool
    ) async -> SendResult {
        await ask { await $0.courier.carry(report, to: destination, commit: commit) }
    }
}

/// Adapters, and how many questions they are at.
private final class AdaptersInUse: Sendable {
    let adapters: NetworkAdapters
    private let state = Mutex<(questions: Int, isRetired: Bool)>((0, false))

    init(_ adapters: NetworkAdapters) { self.adapters = adapters }

    func enter() { state.withLock { $0.questions += 1 } }

    /// - Returns: whether this was the last question that they get.
    func leave() -> Bool {
        state.withLock { state in
            state.questions -= 1
            return state.isRetired && state.questions == 0
        }
    }

    /// Says that no question will come any more.
    /// - Returns: whether none is under way.
    func retire() -> Bool {
        state.withLock { state in
            state.isRetired = true
            return state.questions == 0
        }
    }
}
