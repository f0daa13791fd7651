// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import LabKit
import Logging
import MTASTS
import Store
import TestKit

/// A daemon with a million policies, of which 100,000 domains are asked for, one after the other.
///
/// They have a few MX hosts among them, as the customers of large providers do. Before anything is measured each domain is
/// asked for once, which looks up its route, and its record, which has not changed.
enum MillionPolicies {
    private static let policies = 1_000_000
    private static let asked = 100_000
    private static let hosts = 8
    /// Connections that ask for each domain for the first time.
    private static let warming = "16"

    static func measure(_ options: [String]) async throws -> Command.Result {
        let network = try TestNetwork(prefix: "127.30", maxTTL: 86_400)
        let directory = try TemporaryDirectory("sts-bench")
        defer {
            network.stop()
            // Until then its files are needed.
            withExtendedLifetime(directory) {}
        }
        network.names.ttl = 86_400
        var exchanges: [DNSRecord] = []
        for number in 0..<hosts {
            try network.mailHost("mx\(number).hosts.lab")
            exchanges.append(.mx(UInt16(number), "mx\(number).hosts.lab"))
        }
        network.names.set("*.many.lab", Array(exchanges.prefix(2)) + [.txt("v=STSv1; id=1;")])

        let clock = ContinuousClock()
        try fill(BenchDaemon.store("info", directory))
        let start = clock.now
        let daemon = try await BenchDaemon(level: "info", in: network, directory, within: .seconds(60))
        defer { daemon.process.stop() }
        print("the daemon with \(policies) policies serves after \(clock.now - start)")

        let names = (0..<asked).map { name($0 * (policies / asked)) }
        let common = ["-d", try directory.write("domains", names.joined(separator: "\n") + "\n")]
        let first = clock.now
        let warm = try BenchDaemon.load(
            common + ["-c", warming, "-n", "\(asked)", "-r", "1", "info=\(daemon.socket)"], timeout: .seconds(900))
        print("each of \(asked) domains once, after \(clock.now - first):\n\(warm.output)\(warm.errors)")
        return try BenchDaemon.load(common + options + ["sts-milter-info=\(daemon.socket)"], timeout: .seconds(900))
    }

    private static func name(_ number: Int) -> String { "customer-\(number).many.lab" }

    private static func fill(_ path: String) throws {
        let store = try Store(path: path, logger: Logger(label: "bench"))
        let now = SystemClock().now
        let body = "version: STSv1\r\nmode: enforce\r\nmx: *.hosts.lab\r\nmax_age: 604800\r\n"
        let policy = try Policy.read(body.utf8).policy
        try store.save(
            all: (0..<policies).lazy.compactMap { number in
                (try? DomainName(name(number))).map {
                    CachedPolicy(domain: $0, id: "1", policy: policy, fetchedAt: now)
                }
            })
        try store.close()
    }
}
