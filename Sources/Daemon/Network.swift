// SPDX-License-Identifier: Apache-2.0
import Discovery
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
