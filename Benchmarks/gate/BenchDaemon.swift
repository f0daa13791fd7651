// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

/// The real daemon in a laboratory, and the program that loads it.
struct BenchDaemon {
    let process: BackgroundProcess
    /// As libmilter writes it.
    let socket: String

    /// Starts a daemon that logs from this level on.
    /// - Parameters:
    ///   - within: how long it may take until it serves.
    ///   - explainFor: `store.explain_for`, its default if it is nil.
    ///   - fleet: `fleet.postgres`, none if it is nil.
    init(
        level: String, in network: TestNetwork, _ directory: TemporaryDirectory, within limit: Duration = .seconds(30),
        explainFor: String? = nil, fleet: String? = nil
    ) async throws {
        let name = level + (fleet == nil ? "" : "-fleet")
        let path = "\(directory.path)/\(name).sock"
        socket = "unix:\(path)"
        let settings =
            network.settings + """
                [milter]
                socket = "\(socket)"
                [store]
                path = "\(Self.store(name, directory))"
                \(explainFor.map { "explain_for = \"\($0)\"" } ?? "")
                [control]
                socket = ""
                [log]
                level = "\(level)"
                \(fleet.map { "[fleet]\npostgres = \"\($0)\"" } ?? "")
                """
        let process = try BackgroundProcess(daemon: name, settings, in: directory)
        self.process = process
        try await Wait.until("the socket of the daemon\n\(process.log)", within: limit) {
            FileManager.default.fileExists(atPath: path)
        }
    }

    /// Where the daemon of this level keeps its policies.
    static func store(_ level: String, _ directory: TemporaryDirectory) -> String {
        "\(directory.path)/\(level).sqlite"
    }

    /// Runs milter-bench, whose first milter is the one that does nothing.
    static func load(_ arguments: [String], timeout: Duration) throws -> Command.Result {
        let program =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
            + "/milter-bench"
        return try Command.run([program] + arguments, timeout: timeout)
    }
}
