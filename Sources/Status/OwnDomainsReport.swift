// SPDX-License-Identifier: Apache-2.0
import Basics

/// What is known of the operator's own domains: what the daemon saw of them, and what others reported. Every text is safe
/// to print.
package struct OwnDomainsReport: Sendable, Hashable {
    /// A domain that is looked at each day.
    package struct Watched: Sendable, Hashable {
        package let domain: String
        /// Nil before the first look.
        package let seenAt: Stamp?
        /// Until the first of its certificates ends; nil if none was seen.
        package let daysLeft: Int?
        /// What has to be mended.
        package let troubles: [String]

        package init(domain: String, seenAt: Stamp?, daysLeft: Int?, troubles: [String]) {
            self.domain = domain
            self.seenAt = seenAt
            self.daysLeft = daysLeft
            self.troubles = troubles
        }
    }

    /// A kind of failure that others reported: where, why, and who told of it.
    package struct Failure: Sendable, Hashable {
        package let sessions: Int
        package let host: String?
        package let text: String
        package let firstDay: String
        package let lastDay: String
        package let reporters: [String]

        package init(
            sessions: Int, host: String?, text: String, firstDay: String, lastDay: String, reporters: [String]
        ) {
            self.sessions = sessions
            self.host = host
            self.text = text
            self.firstDay = firstDay
            self.lastDay = lastDay
            self.reporters = reporters
        }
    }

    package struct Reporter: Sendable, Hashable {
        package let name: String
        package let reports: Int
        package let sessions: Int
        package let failures: Int

        package init(name: String, reports: Int, sessions: Int, failures: Int) {
            self.name = name
            self.reports = reports
            self.sessions = sessions
            self.failures = failures
        }
    }

    /// What others reported of a domain.
    package struct Received: Sendable, Hashable {
        package let domain: String
        package let successes: Int
        package let failures: Int
        /// Those of most sessions first.
        package let kinds: [Failure]
        /// Those with most failures first.
        package let reporters: [Reporter]
        package let days: [UTCDay: DomainReport.Sessions]

        package init(
            domain: String, successes: Int, failures: Int, kinds: [Failure], reporters: [Reporter],
            days: [UTCDay: DomainReport.Sessions]
        ) {
            self.domain = domain
            self.successes = successes
            self.failures = failures
            self.kinds = kinds
            self.reporters = reporters
            self.days = days
        }
    }

    package let at: Stamp
    /// Days of reports that are told, today included.
    package let days: Int
    package var watched: [Watched] = []
    /// Those with most failures first.
    package var received: [Received] = []

    package init(at: Stamp, days: Int) {
        self.at = at
        self.days = days
    }
}
