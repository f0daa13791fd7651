// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import MailLog
import Testing

/// The collected logs of real Postfix versions, and how their outcomes are written down.
enum PostfixLogs {
    /// When the logs are read: the day after they were written.
    static let now = UTCTime(secondsSinceEpoch: 1_795_564_800)

    static func folder(_ name: String) throws -> URL {
        try #require(Bundle.module.url(forResource: "Logs", withExtension: nil)).appendingPathComponent(name)
    }

    static func octets(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: folder(path))) }

    static func files(in version: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder(version).path)
            .filter { $0.hasSuffix(".log") }.sorted()
    }

    static func sessions(_ log: [UInt8], _ reader: inout PostfixLogReader) -> [ObservedSession] {
        var sessions: [ObservedSession] = []
        log.withUnsafeBytes { reader.read($0, now: now, into: &sessions) }
        return sessions
    }

    static func sessions(_ log: [UInt8]) -> [ObservedSession] {
        var reader = PostfixLogReader()
        return sessions(log, &reader)
    }

    static func sessions(_ log: String) -> [ObservedSession] { sessions(Array(log.utf8)) }

    /// What the log says, in the words of its index: `mx.good.test → success`.
    static func outcome(_ sessions: [ObservedSession]) -> String {
        sessions.isEmpty
            ? "—" : sessions.map { "\($0.host?.ascii ?? "?") → \(word($0))" }.joined(separator: "; ")
    }

    static func word(_ session: ObservedSession) -> String {
        switch session.result {
        case .verified, .trusted, .untrusted: "success"
        case .plaintext: "plaintext" + (session.fallbackReason.map { " (\($0))" } ?? "")
        case .notWanted: "tls-not-wanted"
        case .refusedByMap: "refused-by-map"
        case .failed(let type, nil): type.rawValue
        case .failed(let type, let reason?): "\(type.rawValue) (\(reason))"
        }
    }

    /// A row of the index: the log's name, its recipients' domains and its outcome.
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let domains: Set<String>
        let outcome: String
        var testDescription: String { name }
    }

    /// The table of `postfix-3.7/README.md`.
    static func index() throws -> [Row] {
        let text = try String(contentsOf: folder("postfix-3.7/README.md"), encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 4, cells[0].first?.isNumber == true else { return nil }
            let domains = cells[2].split(separator: ",").compactMap { $0.split(separator: "@").last.map(String.init) }
            return Row(
                name: cells[0], domains: Set(domains), outcome: cells[3].hasPrefix("—") ? "—" : cells[3])
        }
    }
}
