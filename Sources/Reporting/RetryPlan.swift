// SPDX-License-Identifier: Apache-2.0
import Basics

/// What follows from an attempt. - RFC 8460 §5.5: Delivery Retry.
struct RetryPlan {
    /// Before the second attempt; twice as long before each further one.
    static let firstPause = Duration.seconds(300)
    /// The longest pause that we choose ourselves.
    static let longestPause = Duration.seconds(4 * 3600)
    /// How long after the first attempt the last may be.
    static let waitLimit = Duration.seconds(24 * 3600)

    /// - Returns: nil if there was no attempt.
    static func conclusion(
        of result: SendResult, for delivery: Delivery, at time: UTCTime
    ) -> DeliveryConclusion? {
        switch result {
        case .accepted(let text): DeliveryConclusion(.accepted, nextTry: time, text: text)
        case .refused(let text): DeliveryConclusion(.refused, nextTry: time, text: text)
        case .uncertain(let text): DeliveryConclusion(.uncertain, nextTry: time, text: text)
        case .withdrawn: nil
        case .deferred(let text, let asked): deferral(of: delivery, text, asked: asked, at: time)
        }
    }

    private static func deferral(
        of delivery: Delivery, _ text: String, asked: Duration?, at time: UTCTime
    ) -> DeliveryConclusion {
        let next = time + max(pause(after: delivery.attempts), asked ?? .zero)
        let end = (delivery.firstAttempt ?? time) + waitLimit
        return DeliveryConclusion(next <= end ? .deferred : .expired, nextTry: next, text: text)
    }

    /// The pause after one more than `attempts` attempts.
    static func pause(after attempts: Int) -> Duration {
        // Past this many doublings it is the longest anyway, and nothing can overflow.
        min(longestPause, firstPause * (1 << min(attempts, 16)))
    }
}
