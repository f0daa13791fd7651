// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import Logging
import MTASTS
import Synchronization
@testable import Store

/// A directory of its own for each test, gone with the value.
final class Scratch: Sendable {
    /// The directories whose stores may still be open: one must not go while its store reads.
    private static let kept = Mutex<[Scratch]>([])

    let directory: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("store-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        directory = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    var database: String { directory + "/test.sqlite" }

    func store(_ log: LogLines = LogLines()) throws -> Store {
        Self.kept.withLock { $0.append(self) }
        return try Store(path: database, logger: log.logger)
    }
}

/// The lines that were logged.
final class LogLines: Sendable {
    private let collected = Mutex<[String]>([])

    var lines: [String] { collected.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.level): \(event.message) \(event.metadata ?? [:])"
            log.collected.withLock { $0.append(line) }
        }
    }
}

/// A clock that the test sets.
final class TestClock: WallClock {
    private let time: Mutex<UTCTime>

    init(_ time: UTCTime) { self.time = Mutex(time) }

    var now: UTCTime { time.withLock { $0 } }
    func advance(by seconds: Int64) { time.withLock { $0 = $0 + .seconds(seconds) } }
}

let noon = UTCTime(secondsSinceEpoch: 1_790_000_000)

func name(_ text: String) throws -> DomainName { try DomainName(text) }

func cached(
    _ domain: String, id: String = "20260101000000", mode: String = "enforce", mx: [String] = ["mx1.example.org"],
    maxAge: Int = 86_400, fetchedAt: UTCTime = noon
) throws -> CachedPolicy {
    let lines = ["version: STSv1", "mode: \(mode)"] + mx.map { "mx: \($0)" } + ["max_age: \(maxAge)", ""]
    let policy = try Policy.read(lines.joined(separator: "\r\n").utf8).policy
    return CachedPolicy(domain: try name(domain), id: id, policy: policy, fetchedAt: fetchedAt)
}
