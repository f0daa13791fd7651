// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging

/// Waits longer with each failure, and complains once a minute.
struct Backoff {
    private static let complaintPause = Duration.seconds(60)
    private static let maxDoublings = 5

    private var pause: Duration
    private let longestPause: Duration
    private var complainedAt: ContinuousClock.Instant?

    init(_ pace: IntakePace) {
        pause = pace.retry
        longestPause = pace.retry * (1 << Self.maxDoublings)
    }

    mutating func complain(_ message: Logger.Message, of error: any Error, _ source: String, _ port: IntakePort) {
        port.trouble.begin("\(message): \(error)")
        if let complainedAt, ContinuousClock.now - complainedAt < Self.complaintPause { return }
        complainedAt = .now
        port.logger.warning(message, metadata: ["source": "\(printable(source))", "cause": "\(error)"])
    }

    /// - Returns: at once when the task is cancelled.
    mutating func wait() async {
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, longestPause)
    }

    func end(_ message: Logger.Message, _ source: String, _ port: IntakePort) {
        guard complainedAt != nil else { return }
        port.trouble.end()
        port.logger.notice(message, metadata: ["source": "\(printable(source))"])
    }
}
