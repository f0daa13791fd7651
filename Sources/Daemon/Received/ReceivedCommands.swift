// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Settings
import Store
import TLSRPT

/// What the commands do about reports that others send, on the store's file beside a daemon that may be running.
package struct ReceivedCommands: Sendable {
    private let store: Store
    private let oldest: UTCDay
    private let clock = SystemClock()

    package init(_ workspace: Workspace) throws {
        store = try workspace.openStore()
        oldest = workspace.settings.reports.oldestDay(at: clock.now)
    }

    package func receive(_ report: Report) async throws -> Reception {
        try await store.receive(report, at: clock.now, since: oldest)
    }

    /// - Parameter days: how many, today included.
    package func trends(days: Int, of domain: DomainName?) async throws -> ReceivedTrends {
        let last = clock.now.day
        let first = last.advanced(by: 1 - Int64(days))
        return ReceivedTrends(
            try await store.received(from: first, through: last, of: domain), from: first, through: last)
    }
}

extension Reception {
    /// What a person is told.
    package var inWords: String {
        switch self {
        case .stored: "stored"
        case .storedInPart(let sessions):
            "stored without \(sessions) sessions, of which neither report, file name nor mail says whose they are"
        case .known: "stored before"
        case .untimely: "not stored: of a day that is kept no longer (report.retention), or has not come yet"
        case .full: "not stored: too many reports are kept, see report.retention"
        case .empty: "not stored: it tells of no domain"
        }
    }
}
