// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import MTASTS
import NIOPosix
import PolicyMap

/// Knows everything at once: the policy map without what lies behind it.
struct WarmResolver: MapResolver {
    private let answers: [DomainName: MapAnswer]

    init(domains: [String]) throws {
        answers = Dictionary(
            uniqueKeysWithValues: try domains.map { domain in
                let body = "version: STSv1\r\nmode: enforce\r\nmx: mx.\(domain)\r\nmax_age: 86400\r\n"
                let name = try DomainName(domain)
                let policy = CachedPolicy(
                    domain: name, id: "1", policy: try Policy.read(body.utf8).policy,
                    fetchedAt: UTCTime(secondsSinceEpoch: 1_767_225_600))
                return (name, .enforce(policy, .unneeded))
            })
    }

    static func serve(port: UInt16, domains: [String]) async throws -> PolicyMapServer {
        var settings = PolicyMapSettings()
        settings.socket = .inet(host: "127.0.0.1", port: port)
        let server = PolicyMapServer(
            settings: settings, resolver: try WarmResolver(domains: domains),
            group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "bench"))
        try await server.start()
        return server
    }

    var answerPeriod: AnswerPeriod? { AnswerPeriod(second: SystemClock().now, generation: 0) }

    var letsAllGo: Bool { false }

    func cached(_ key: NextHop, for mta: DANESupport) -> MapAnswer? {
        key.policyDomain.flatMap { answers[$0] } ?? .notFound
    }

    func resolve(_ key: NextHop, for mta: DANESupport) async -> MapAnswer {
        decideNow(key, for: mta, because: .late)
    }

    func decideNow(_ key: NextHop, for mta: DANESupport, because ending: WaitEnding) -> MapAnswer {
        cached(key, for: mta) ?? .notFound
    }

    func noteHeld(_ domain: DomainName, because text: String) {}

    func enforces(_ domain: DomainName) -> Bool {
        if case .enforce = answers[domain] { true } else { false }
    }
}
