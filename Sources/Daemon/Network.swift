// SPDX-License-Identifier: Apache-2.0
import Discovery
import Logging
import MTASTS
import Names
import Probe
import Synchronization
import Wire

/// The adapters that ask the network, made from one set of settings.
struct NetworkAdapters: Sendable {
    let resolver: DNSResolver
    let connector: Connector
    let router: MXRouter
    let discoverer: HTTPPolicyDiscoverer
    let prober: SMTPProber

    init(_ settings: Settings) throws {
        resolver = try DNSResolver(settings.dns)
        router = MXRouter(resolver: resolver, timeout: settings.dnsTimeout)
        discoverer = try HTTPPolicyDiscoverer(resolver: resolver, settings: settings.discovery)
        connector = try Connector()
        prober = SMTPProber(
            resolver: resolver, tls: try TLSContext(caFile: settings.caFile),
            connector: connector, settings: settings.probe)
    }

    func shutdown() {
        resolver.shutdown()
        connector.shutdown()
    }

    /// Adapters that work with the resolvers there are.
    ///
    /// A resolver that strips signatures makes every name fail DNSSEC validation, which would end all MTA-STS. Where
    /// nobody asked for a trust anchor, validation is then left out: answers are insecure, DANE does not apply, and
    /// MTA-STS works as it does without DNSSEC. An anchor that the settings name is never given up.
    static func adapted(to settings: Settings, logger: Logger) async throws -> (NetworkAdapters, validates: Bool) {
        let adapters = try NetworkAdapters(settings)
        guard settings.dns.trustAnchor == .system,
            case .fails(let why) = await adapters.resolver.validation(within: validationPatience)
        else { return (adapters, true) }
        logger.warning(
            "DNSSEC cannot be validated by way of this resolver, DANE is off; use another (dns.forwarder), or silence this with dns.trust_anchor = \"none\"",
            metadata: ["cause": "\(why)"])
        adapters.shutdown()
        var plain = settings
        plain.dns.trustAnchor = .none
        return (try NetworkAdapters(plain), false)
    }

    /// How long a start waits to hear whether validation works.
    private static let validationPatience = Duration.seconds(5)
}

/// The network as the pipeline sees it; a reload exchanges the adapters behind it.
final class Network: Router, PolicyDiscoverer, Prober {
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

    func fetch(for domain: DomainName) async throws(PolicyFailure) -> Policy.Reading {
        try await adapters.discoverer.fetch(for: domain)
    }

    func probe(_ candidate: Candidate, routeIsSecure: Bool) async -> HostEvidence {
        await adapters.prober.probe(candidate, routeIsSecure: routeIsSecure)
    }
}
