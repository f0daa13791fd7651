// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Courier
import DNS
import Discovery
import HTTP
import Probe
import SMTP
import Settings
import TLS

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

    init(_ settings: Settings, counting counts: DNSCounts) throws {
        resolver = try DNSResolver(settings.dns, counts: counts)
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
    static func adapted(
        to settings: Settings, counting counts: DNSCounts
    ) async throws -> (NetworkAdapters, DNSSECUse) {
        let adapters = try NetworkAdapters(settings, counting: counts)
        switch settings.dns.trustAnchor {
        case .none: return (adapters, .unwanted)
        case .file: return (adapters, .validated)
        case .system: break
        }
        switch await adapters.resolver.validation(within: validationWaitLimit) {
        case .works: return (adapters, .validated)
        case .off: return (adapters, .withoutAnchor)
        case .unknown:
            // So that it is known since when.
            await adapters.resolver.localFailure()
            return (adapters, .untested)
        case .fails(let why):
            adapters.shutdown()
            var plain = settings
            plain.dns.trustAnchor = .none
            return (try NetworkAdapters(plain, counting: counts), .stripped(why))
        }
    }

    /// How long a start waits to hear whether validation works.
    private static let validationWaitLimit = Duration.seconds(5)
}
