// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import LabKit
import Logging
import MTASTS
import NIOCore
import NIOEmbedded
import PolicyMap
import TestKit

/// Answers warm questions without sockets, so that callgrind can say how many instructions an answer takes: all that the
/// daemon does between the octets of the question and those of the answer.
enum Instructions {
    static func measure(questions: Int, domains: [String]) async throws {
        let resolver = try await resolver(domains)
        let map = PolicyMapServer(
            settings: PolicyMapSettings(), resolver: resolver, group: .singletonMultiThreadedEventLoopGroup,
            logger: Logger(label: "bench"))
        let frames = domains.map { "postfix \($0)" }.map { ByteBuffer(string: "\($0.utf8.count):\($0),") }
        let octets = try ask(map, frames, times: questions / frames.count)
        print("answers: \(questions / frames.count * frames.count), octets of the last: \(octets)")
    }

    private static func ask(_ map: PolicyMapServer, _ frames: [ByteBuffer], times: Int) throws -> Int {
        let channel = EmbeddedChannel()
        try map.serve(channel).wait()
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 25)).wait()
        // What is done once is not counted.
        _ = try askAgain(channel, frames, times: 1)
        return try askAgain(channel, frames, times: times)
    }

    /// By its name callgrind finds it.
    @inline(never)
    private static func askAgain(_ channel: EmbeddedChannel, _ frames: [ByteBuffer], times: Int) throws -> Int {
        var octets = 0
        for _ in 0..<times {
            for frame in frames {
                try channel.writeInbound(frame)
                guard let answer = try channel.readOutbound(as: ByteBuffer.self) else {
                    throw LabError("no answer from memory")
                }
                octets = answer.readableBytes
            }
        }
        return octets
    }

    /// The resolver of the daemon, which has looked up all the domains.
    private static func resolver(_ domains: [String]) async throws -> PolicyMapResolver {
        let clock = TestClock(UTCTime(secondsSinceEpoch: 1_767_225_600))
        let policies = PolicyCache(
            memory: Memory(), store: World(), discoverer: World(), clock: clock, logger: Logger(label: "bench"),
            settings: PolicyCacheSettings())
        let hops = NextHopResolver(
            policies: policies, routes: RouteCache(router: World(), clock: clock), prober: World(), surveyor: World(),
            clock: clock)
        let resolver = PolicyMapResolver(resolver: hops, settings: MapQuestionSettings())
        for domain in domains { _ = await resolver.resolve(.mx(of: try DomainName(domain), port: NextHop.smtpPort)) }
        return resolver
    }

    private final class Memory: PolicyMemory {
        private let policies = Locked<[DomainName: CachedPolicy]>([:])
        func policy(for domain: DomainName) -> CachedPolicy? { policies.withLock { $0[domain] } }
        func life(of domain: DomainName) -> PolicyLife? { policy(for: domain)?.life }
        func isLoaded(_ domain: DomainName) -> Bool { true }
        func load(_ domain: DomainName) async -> Bool { true }
        func unreadable(_ domain: DomainName, at time: UTCTime) -> String? { nil }
        func set(_ policy: CachedPolicy) { policies.withLock { $0[policy.domain] = policy } }
        func replace(_ life: PolicyLife?, by policy: CachedPolicy) -> Bool { false }
        func remove(_ domain: DomainName) { policies.withLock { $0[domain] = nil } }
    }

    /// Each domain has an enforce policy and one MX host.
    private struct World: PolicyDiscoverer, Router, Prober, DANESurveyor, PolicyStore {
        func record(for domain: DomainName) async -> RecordLookup { .found(STSRecord.select(from: ["v=STSv1; id=1"])) }

        func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
            let body = "version: STSv1\nmode: enforce\nmx: mx.\(domain)\nmax_age: 86400\n"
            do { return try Policy.read(body.utf8) } catch { throw .notTried("\(error)") }
        }

        func route(to hop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration) {
            guard let domain = hop.policyDomain, let host = try? DomainName("mx.\(domain)") else {
                throw .noSuchDomain(isSecure: false)
            }
            let hosts = [MXHost(name: host, preference: 10, port: NextHop.smtpPort)]
            return (Route(policyDomain: domain, candidates: hosts, isSecure: false), .seconds(3600))
        }

        func probe(
            _ host: MXHost, routeIsSecure: Bool, for domain: DomainName, turn: @escaping @Sendable (Bool) -> Void
        ) async -> ProbeResult { .notTried("nobody is dialled") }
        func survey(_ host: MXHost, routeIsSecure: Bool) async -> DANEStatus { .absent }
        func tlsaPolicy(of host: MXHost) async -> TLSAPolicy? { nil }
        func save(_ policy: CachedPolicy) async {}
        func save(uses: [DomainName: UTCTime]) async {}
        func remove(_ domain: DomainName) async {}
    }
}
