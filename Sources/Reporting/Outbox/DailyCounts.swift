// SPDX-License-Identifier: Apache-2.0
import Basics

/// What was counted and what became of it, day by day; kept across restarts.
///
/// Several processes may build the same day at once: the first to settle a domain wins.
package protocol DailyCounts: Sendable {
    /// The days before `day` that have counts and are not ended, the oldest first.
    func openDays(before day: UTCDay) async throws -> [UTCDay]
    /// Notes that work on the reports of a day begins.
    /// - Returns: when it first began, in this process or in one before.
    /// - Throws: ``DayElsewhere`` for a day that is not reported here.
    func begin(_ day: UTCDay, at time: UTCTime) async throws -> UTCTime
    /// The next domains of a day that are not settled; a piece is small enough to be held in memory.
    func unsettled(on day: UTCDay, in range: DomainRange) async throws -> ResultsPiece
    /// Writes what became of the domains in one transaction; what another process has settled stays as it is.
    /// - Returns: how many deliveries are past the bounds of the day and suppressed, by registrable policy domain.
    @discardableResult
    func settle(_ reports: [ReportDecision], at time: UTCTime) async throws -> [DomainName: Int]
    /// Closes the day: what is counted for it from now on is not reported.
    func end(_ day: UTCDay, at time: UTCTime) async throws
}

/// The reports of a day are not made here.
package enum DayElsewhere: Error, Sendable, Hashable, CustomStringConvertible {
    /// Its counts were written to a file, for another machine to report.
    case exported(UTCDay)
    /// Its counts are in the fleet's database, and its reports the fleet's.
    case shared(UTCDay)

    package var description: String {
        switch self {
        case .exported(let day):
            "\(day) was exported: the machine that imports it makes its reports. If none has: "
                + "sts-milter report export --take-back --day \(day)"
        case .shared(let day): "the counts of \(day) are shared with the fleet, which makes its reports"
        }
    }
}

/// A part of a day's domains in their order.
package struct DomainRange: Sendable, Hashable {
    /// The name behind which the range begins; empty for the first.
    package var after: String
    /// The only domain that is wanted.
    package var only: DomainName?

    package init(after: String = "", only: DomainName? = nil) {
        self.after = after
        self.only = only
    }
}

/// Some domains of a day.
package struct ResultsPiece: Sendable, Hashable {
    package let results: [DomainResults]
    /// Where the next piece begins; nil when there is none.
    package let last: String?

    package init(results: [DomainResults], last: String?) {
        self.results = results
        self.last = last
    }
}
