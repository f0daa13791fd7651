// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging

/// A kind of thing that goes wrong again and again, such as what a client can bring about.
package protocol RepeatedWarning: Hashable, Sendable {
    /// The same for all of a kind; what differs is metadata.
    var message: Logger.Message { get }
}

/// Warnings of which the log gets one line a minute for each kind, however often they come.
///
/// A line says in `more_before` how many there were in between without a line of their own.
package final class RateLimitedLog<Warning: RepeatedWarning>: Sendable {
    /// Between two lines of one kind.
    package static var pause: Duration { .seconds(60) }

    package let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private let limit = Locked(RateLimit<Warning>(pause: pause))

    package init(logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.logger = logger
        self.now = now
    }

    /// - Parameters:
    ///   - times: how often it happened.
    ///   - details: made only for a line that is written.
    package func warn(_ warning: Warning, times: Int = 1, _ details: @autoclosure () -> Logger.Metadata = [:]) {
        let now = now()
        guard let more = limit.withLock({ $0.pass(warning, times: times, at: now) }) else { return }
        var metadata = details()
        if more > 0 { metadata["more_before"] = "\(more)" }
        logger.warning(warning.message, metadata: metadata)
    }

    /// Has the next warning of the kind logged at once: what was wrong is over.
    /// - Returns: whether a warning was logged since the last time, so that the end is worth a line, too.
    package func end(_ warning: Warning) -> Bool { limit.withLock { $0.reset(warning) } }
}
