// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import Logging
import MTASTS
import Store
import Synchronization

/// A gate whose memory knows all domains it is asked for: policies in a real table, counts in a real ledger.
struct World: Sendable {
    let gate: Gate
    let ledger: Ledger
    let clock = SteppingClock()
    let hops: [[NextHop]]
    private let directory: URL

    /// - Parameters:
    ///   - policies: policies in memory.
    ///   - asked: how many of their domains are asked for, all over the table.
    init(policies: Int, asked: Int) async throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("bench-verdict-\(getpid())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let store = try Store(path: directory.appendingPathComponent("store.sqlite").path, logger: logger)
        let table = PolicyTable(logger: logger)
        for number in 0..<policies { table.set(try policy(number, at: clock.now)) }
        let cache = PolicyCache(
            memory: table, store: store, discoverer: KnownRecords(), clock: clock, logger: logger,
            settings: PolicyCacheSettings())
        let resolver = NextHopResolver(
            policies: cache, routes: RouteCache(router: KnownRoutes(), clock: clock), prober: GoodHosts(),
            surveyor: NoRecords(), clock: clock)
        ledger = Ledger(store: store, clock: clock, logger: logger)
        var settings = GateSettings()
        settings.conformingFor = .seconds(86_400)
        gate = Gate(resolver: resolver, recorder: ledger, settings: settings)
        hops = try (0..<asked).map { [.mx(of: try domain($0 * (policies / asked)), port: NextHop.smtpPort)] }
        for hop in hops { _ = await gate.resolve(hop) }
    }

    func remove() { try? FileManager.default.removeItem(at: directory) }

    /// What the milter does about one recipient whose domain is known.
    func verdict(_ number: Int) {
        let hops = hops[number % hops.count]
        guard let judgement = gate.cached(hops) else { preconditionFailure("not warm") }
        gate.note(Disposition(judgement, of: hops, recipientDomain: hops[0].policyDomain, isHeldBack: false))
    }
}

private func domain(_ number: Int) throws -> DomainName { try DomainName("customer-\(number).example.org") }

private func policy(_ number: Int, at now: UTCTime) throws -> CachedPolicy {
    let body = "version: STSv1\r\nmode: enforce\r\nmx: *.mail.example.net\r\nmax_age: 604800\r\n"
    return CachedPolicy(
        domain: try domain(number), id: "1", policy: try Policy.read(body.utf8).policy, fetchedAt: now)
}

/// The time of the day, which only ``step()`` moves; a read costs what one of the machine's clock does.
final class SteppingClock: WallClock {
    private let steps = Atomic(0)

    var now: UTCTime {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UTCTime(secondsSinceEpoch: 1_767_225_600 + Int64(steps.load(ordering: .relaxed)))
    }

    func step() { steps.add(1, ordering: .relaxed) }
}

private struct KnownRecords: PolicyDiscoverer {
    func record(for domain: DomainName) async -> RecordLookup {
        .found(STSRecord.select(from: ["v=STSv1; id=1;"]))
    }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        throw .notTried("not in a benchmark")
    }
}

/// All domains have two of a few hundred hosts.
private struct KnownRoutes: Router {
    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration) {
        guard let domain = nextHop.policyDomain else { throw .noSuchDomain(isSecure: false) }
        let number = domain.ascii.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 200 }
        let hosts = ["mx1", "mx2"].compactMap { try? DomainName("\($0)-\(number).mail.example.net") }
        let candidates = hosts.enumerated().map { MXHost(name: $1, preference: UInt16($0), port: 25) }
        let route = Route(policyDomain: domain, candidates: candidates, isSecure: false)
        return (route, .seconds(86_400))
    }
}

private struct GoodHosts: Prober {
    func probe(
        _ candidate: MXHost, routeIsSecure: Bool, for policyDomain: DomainName,
        turn: @escaping @Sendable (Bool) -> Void
    ) async -> ProbeResult {
        guard let address = IPAddress(literal: "192.0.2.1") else { return .notTried("no address") }
        return .seen(
            .conforming(
                TLSFacts(
                    address: address, version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", subject: "CN=mx",
                    issuer: "CN=ca",
                    notBefore: nil, notAfter: nil, names: [candidate.name.ascii], authentication: .pkix)))
    }
}

private struct NoRecords: DANESurveyor {
    func survey(_ candidate: MXHost, routeIsSecure: Bool) async -> DANEStatus { .absent }
    func tlsaPolicy(of candidate: MXHost) async -> TLSAPolicy? { nil }
}
