// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import ReportView
import TLSRPT
import Testing

/// The files in `Reports`.
enum Fixture {
    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = try #require(Bundle.module.url(forResource: "Reports", withExtension: nil))
        return Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    static func report(_ name: String) throws -> Report { try #require(found(in: try bytes(name)).reports.first) }
}

/// What a reader finds that has nothing to remark.
func found(in bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) -> (
    reports: [Report], problems: [String]
) {
    let (reports, notes) = read(bytes)
    #expect(notes.remarks == [], sourceLocation: sourceLocation)
    return (reports, notes.problems)
}

/// What a reader finds and says.
func read(_ bytes: [UInt8]) -> (reports: [Report], notes: ReadingNotes) {
    var reports: [Report] = []
    let notes = ReportReader.read(bytes) { reports.append($0) }
    return (reports, notes)
}

/// Reports of our own making.
enum Sample {
    static func report(_ policies: [PolicyResult], on day: UTCDay = UTCDay(daysSinceEpoch: 20_000)) -> Report {
        Report(
            organizationName: "Sender", dateRange: .init(day), contactInfo: "tls@sender.example",
            reportID: "\(day).example.org@sender.example", policies: policies)
    }

    static let small = report([
        PolicyResult(ReportedPolicy(.noPolicyFound, domain: "example.net"), Tally(successes: 7))
    ])

    /// Failures of as many kinds, the first of them counted most.
    static func report(kinds: Int, on day: UTCDay = UTCDay(daysSinceEpoch: 20_000)) -> Report {
        let details = (0..<kinds).map { index in
            (FailureDetails(.certificateExpired, receivingMXHostname: "mx\(index).example.org"), kinds - index)
        }
        let tally = Tally(successes: 1, failures: kinds, details: Dictionary(uniqueKeysWithValues: details))
        return report([PolicyResult(ReportedPolicy(.sts, domain: "example.org"), tally)], on: day)
    }
}
