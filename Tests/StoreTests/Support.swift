// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Logging
import MTASTS
@testable import Store

/// A directory of its own for each test, gone with the value.
final class Scratch: Sendable {
    /// The directories whose stores may still be open: one must not go while its store reads.
    private static let kept = Locked<[Scratch]>([])

    private let folder: TemporaryDirectory
    var directory: String { folder.path }

    init() throws { folder = try TemporaryDirectory() }

    var database: String { directory + "/test.sqlite" }

    func store(_ log: CapturedLog = CapturedLog()) throws -> Store {
        Self.kept.withLock { $0.append(self) }
        return try Store(path: database, logger: log.logger)
    }
}

let noon = UTCTime(secondsSinceEpoch: 1_790_000_000)

func name(_ text: String) throws -> DomainName { try DomainName(host: text) }

func cached(
    _ domain: String, id: String = "20260101000000", mode: String = "enforce", mx: [String] = ["mx1.example.org"],
    maxAge: Int = 86_400, fetchedAt: UTCTime = noon
) throws -> CachedPolicy {
    let lines = ["version: STSv1", "mode: \(mode)"] + mx.map { "mx: \($0)" } + ["max_age: \(maxAge)", ""]
    let policy = try Policy.read(lines.joined(separator: "\r\n").utf8).policy
    return CachedPolicy(domain: try name(domain), id: id, policy: policy, fetchedAt: fetchedAt)
}
