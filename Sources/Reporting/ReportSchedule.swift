// SPDX-License-Identifier: Apache-2.0
import Basics

/// When the reports of a day are built.
package struct ReportSchedule: Sendable, Hashable {
    /// After midnight UTC, until the last sessions of the day are counted.
    package static let settlingTime = Duration.seconds(5 * 60)
    /// Not all the world asks its resolvers at once.
    package static let jitter = Duration.seconds(15 * 60)
    /// After a start, until the logs of the time before are read.
    package static let startingTime = Duration.seconds(10 * 60)
    /// Between tries of what could not be looked up.
    package static let retryPause = Duration.seconds(3600)

    private let source: String
    private let startedAt: UTCTime?

    /// - Parameters:
    ///   - source: the host's name.
    ///   - startedAt: when the process began to count; nil for one that counts nothing.
    package init(source: String, startedAt: UTCTime? = nil) {
        self.source = source
        self.startedAt = startedAt
    }

    /// The first moment at which the day's reports may be built.
    package func buildTime(of day: UTCDay) -> UTCTime {
        let afterMidnight =
            day.advanced(by: 1).start + Self.settlingTime + Self.jitter.share(stableHash(source, "\(day)"))
        return startedAt.map { max(afterMidnight, $0 + Self.startingTime) } ?? afterMidnight
    }
}
