// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// One report on its way to one destination.
package struct Delivery: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable, Codable {
        /// Not tried yet.
        case waiting
        /// Under way, past the point where the destination may have accepted it.
        case sending
        /// Tried, to be tried again.
        case deferred
        case accepted, refused
        /// It may have been accepted; never sent again unless the operator says so.
        case uncertain
        /// Not accepted in all the time there was.
        case expired
        /// Not sent, since the destination has refused too often.
        case suppressed

        /// Whether nothing more happens by itself.
        package var isFinal: Bool {
            switch self {
            case .waiting, .sending, .deferred: false
            case .accepted, .refused, .uncertain, .expired, .suppressed: true
            }
        }

        /// Whether the report has not reached the destination, as far as is known, and never will by itself.
        package var isFailure: Bool {
            switch self {
            case .refused, .uncertain, .expired: true
            case .waiting, .sending, .deferred, .accepted, .suppressed: false
            }
        }
    }

    package let id: Int64
    package let day: UTCDay
    package let domain: DomainName
    package let destination: ReportDestination
    package let state: State
    /// Finished attempts.
    package let attempts: Int
    package let firstAttempt: UTCTime?

    package init(
        id: Int64, day: UTCDay, domain: DomainName, destination: ReportDestination, state: State, attempts: Int,
        firstAttempt: UTCTime?
    ) {
        self.id = id
        self.day = day
        self.domain = domain
        self.destination = destination
        self.state = state
        self.attempts = attempts
        self.firstAttempt = firstAttempt
    }
}

/// What an attempt leads to.
package struct DeliveryConclusion: Sendable, Hashable {
    package let state: Delivery.State
    /// When to try again; of no meaning in a final state.
    package let nextTry: UTCTime
    /// What the destination said, safe to print.
    package let text: String

    package init(_ state: Delivery.State, nextTry: UTCTime, text: String) {
        self.state = state
        self.nextTry = nextTry
        self.text = text
    }
}
