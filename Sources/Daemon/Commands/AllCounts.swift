// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import Store

/// All of a day's counts, also of domains whose report is settled already.
struct AllCounts: DailyCounts {
    let store: Store

    func openDays(before day: UTCDay) async throws -> [UTCDay] { try await store.openDays(before: day) }
    func begin(_ day: UTCDay, at time: UTCTime) async throws -> UTCTime { time }
    func unsettled(on day: UTCDay, in range: DomainRange) async throws -> ResultsPiece {
        try await store.counts(on: day, in: range)
    }
    func settle(_ reports: [ReportDecision], at time: UTCTime) async throws -> [DomainName: Int] { [:] }
    func end(_ day: UTCDay, at time: UTCTime) async throws {}
}
