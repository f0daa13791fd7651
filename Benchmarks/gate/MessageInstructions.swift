// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

/// Has one daemon answer a number of messages and ends it, so that callgrind can say what a message takes of it, libmilter
/// included: the difference of two runs by what was done more.
enum MessageInstructions {
    /// - Parameter explainFor: `store.explain_for`.
    static func run(_ messages: Int, explainFor: String?) async throws {
        let network = try TestNetwork(prefix: "127.30")
        defer { network.stop() }
        let directory = try TemporaryDirectory("sts-bench")
        let domains = try KnownDomains.add(to: network, directory)
        let daemon = try await BenchDaemon(
            level: "info", in: network, directory, within: .seconds(120), explainFor: explainFor)
        // What is looked up, and what is done once, is in both runs.
        for count in [200, messages] {
            let result = try BenchDaemon.load(
                ["-d", domains, "-c", "1", "-n", "\(count)", "-r", "1", "info=\(daemon.socket)"], timeout: .seconds(900)
            )
            guard result.status == 0 else { throw LabError(result.output + result.errors) }
        }
        daemon.process.signal(SIGTERM)
        guard daemon.process.waitForExit(within: .seconds(60)) != nil else { throw LabError("the daemon does not end") }
    }
}

/// Domains of which half have an enforce policy that their route keeps, and half have none.
enum KnownDomains {
    private static let count = 20

    /// - Returns: a file with their names.
    static func add(to network: TestNetwork, _ directory: TemporaryDirectory) throws -> String {
        var domains: [String] = []
        for number in 0..<count {
            let name = "d\(number).lab"
            if number.isMultiple(of: 2) {
                try network.domain(name)
            } else {
                try network.mailHost("mx.\(name)", plain: true)
                network.route(name, to: ["mx.\(name)"])
            }
            domains.append(name)
        }
        return try directory.write("domains", domains.joined(separator: "\n") + "\n")
    }
}
