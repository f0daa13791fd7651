// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Basics
import Core
import Foundation
import LabKit
import Logging
import MTASTS
import Store
import TestKit

/// What the real daemon holds when nothing happens, and with a million policies in use; and when it gives its first verdict:
/// mail for a domain whose row is the last of all, and whose route breaks the stored policy, must be deferred.
enum DaemonStart {
    private static let idleLimitMB = 25.0
    private static let verdictLimitSeconds = 2.0
    private static let policies = 1_000_000
    private static let domain = "last.lab"
    /// Until what starts beside the policies has started.
    private static let settling = Duration.seconds(5)

    static func run() async throws {
        let network = try TestNetwork(prefix: "127.31")
        defer { network.stop() }
        try network.mailHost("mx.\(domain)")
        network.route(domain, to: ["mx.\(domain)"])
        let directory = try TemporaryDirectory("sts-start")
        let empty = try await measure("no policies", network, directory, store: "empty") { _ in }
        print("  idle: \(empty), limit \(rounded(idleLimitMB)) MB")
        let path = directory.path + "/full.sqlite"
        try await fill(path, policies)
        try Store(path: path, logger: Logger(label: "bench")).save(all: [try last()])
        let full = try await measure("\(policies) policies", network, directory, store: "full") { socket in
            let client = try await Wait.value("the milter's socket", within: .seconds(30)) {
                try? MilterClient(path: socket)
            }
            _ = try client.negotiate()
            try client.mail("<sender@bench.example>")
            let reply = try client.recipient("<user@\(domain)>")
            guard reply.command == "y", reply.text.hasPrefix("451") else { throw Failure("first verdict: \(reply)") }
        }
        print("  in use: \(full), limit \(rounded(rssLimitMB)) MB")
        guard empty.total < idleLimitMB, full.total < rssLimitMB else { throw Failure("over a limit of memory") }
    }

    /// An enforce policy that the route of the domain breaks; nobody publishes it any more.
    private static func last() throws -> CachedPolicy {
        let text = "version: STSv1\nmode: enforce\nmx: elsewhere.lab\nmax_age: 604800\n"
        return CachedPolicy(
            domain: try DomainName(domain), id: "1", policy: try Policy.read(text.utf8).policy, fetchedAt: StoredMix.now
        )
    }

    /// Starts a daemon, has `ask` get a verdict, and gives its memory when all is loaded.
    private static func measure(
        _ name: String, _ network: TestNetwork, _ directory: TemporaryDirectory, store: String,
        ask: (String) async throws -> Void
    ) async throws -> ResidentMemory {
        let socket = directory.path + "/\(store).sock"
        let settings =
            network.settings + """
                [milter]
                socket = "unix:\(socket)"
                [store]
                path = "\(directory.path)/\(store).sqlite"
                [control]
                socket = ""
                """
        let began = ContinuousClock.now
        let process = try BackgroundProcess(daemon: store, settings, in: directory)
        defer { process.stop() }
        try await ask(socket)
        let first = ContinuousClock.now - began
        try await Wait.until("all policies\n\(process.log)", within: .seconds(60)) {
            process.log.contains("policies loaded")
        }
        let loaded = ContinuousClock.now - began
        print("\(name): all loaded after \(rounded(seconds(loaded))) s")
        if store != "empty" {
            print("  first verdict after \(rounded(seconds(first))) s, limit \(rounded(verdictLimitSeconds)) s")
            guard seconds(first) < verdictLimitSeconds else { throw Failure("the first verdict is late") }
        }
        try await Task.sleep(for: settling)
        return try ResidentMemory("\(process.processIdentifier)")
    }
}
