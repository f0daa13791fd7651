// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Logging
import Reporting

/// The looks for what there is to do for reports, on a machine by itself and in a fleet alike.
enum ReportRounds {
    /// Between looks whether a day is to be built.
    private static let buildInterval = Duration.seconds(60)
    /// Between looks whether a delivery is due.
    private static let sendInterval = Duration.seconds(30)
    /// Between looks for what is older than the retention.
    private static let pruneInterval = Duration.seconds(3600)

    /// Goes on until the task is cancelled, and the looks under way have ended.
    static func run(
        build: @escaping @Sendable () async -> Void, send: @escaping @Sendable () async -> Void,
        prune: @escaping @Sendable () async -> Void
    ) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await every(buildInterval, build) }
            group.addTask { await every(sendInterval, send) }
            group.addTask { await every(pruneInterval, prune) }
        }
    }
}

extension ReportBuilder.Summary {
    /// What a line of the log says of a day's building.
    func metadata(of day: UTCDay) -> Logger.Metadata {
        [
            "day": "\(day)", "reports": "\(planned)", "without_record": "\(absent)",
            "not_reported": "\(withoutReport)", "try_again": "\(pending)",
        ]
    }
}
