// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// What became of one domain's report of a day, decided once.
package struct ReportDecision: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        /// Frozen: every destination and every retry gets these octets.
        case planned(CompressedReport, [PlannedDelivery])
        /// The domain has no record: nobody asked, so its counts need not be kept, but for mail that was held back.
        case absent
        /// The counts stay, but nobody gets them; the text says why.
        case none(NoReport, String)
    }

    package let day: UTCDay
    package let domain: DomainName
    package let outcome: Outcome

    package init(day: UTCDay, domain: DomainName, outcome: Outcome) {
        self.day = day
        self.domain = domain
        self.outcome = outcome
    }
}

/// Why a domain gets no report although it was counted.
package enum NoReport: String, Sendable, Hashable, CaseIterable, Codable {
    /// Its record breaks the rules, or names no destination that we can serve.
    case invalid
    /// Its record could not be looked up in all the time there was.
    case unavailable
    /// The operator does not want it.
    case never
    /// Only failures are reported, and there were none.
    case noFailures = "no-failures"

    /// Whether somebody has asked for a report and gets none, against the operator's wish.
    package var isFailure: Bool {
        switch self {
        case .invalid, .unavailable: true
        case .never, .noFailures: false
        }
    }
}

/// One destination of a report, and when it is to have it.
package struct PlannedDelivery: Sendable, Hashable {
    package let destination: ReportDestination
    package let notBefore: UTCTime

    package init(to destination: ReportDestination, notBefore: UTCTime) {
        self.destination = destination
        self.notBefore = notBefore
    }
}
