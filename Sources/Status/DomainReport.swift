// SPDX-License-Identifier: Apache-2.0
import Basics

/// One policy of a list.
package struct DomainRow: Sendable, Hashable {
    package let domain: String
    package let mode: String
    package let fetched: Stamp
    package let expires: Stamp

    package init(domain: String, mode: String, fetched: Stamp, expires: Stamp) {
        self.domain = domain
        self.mode = mode
        self.fetched = fetched
        self.expires = expires
    }
}

/// Policies in the order of their domains.
package struct DomainList: Sendable, Hashable {
    package let rows: [DomainRow]
    /// Whether more follow.
    package let hasMore: Bool
    /// Why the store could not be read; nil if it was.
    package let problem: String?

    package init(rows: [DomainRow], hasMore: Bool, problem: String? = nil) {
        self.rows = rows
        self.hasMore = hasMore
        self.problem = problem
    }
}

/// What is known of one domain, from memory and the store. Nobody is asked for it. Texts are safe to print.
package struct DomainReport: Sendable, Hashable {
    /// A policy, and where it comes from.
    package struct Policy: Sendable, Hashable {
        package let mode: String
        package let id: String
        /// `published`, `pinned` or `preloaded`.
        package let origin: String
        package let life: Life
        package let mx: [String]
        /// As it was published; who publishes it chooses the words.
        package let lines: [String]

        package enum Life: Sendable, Hashable {
            case fetched(Stamp, expires: Stamp)
            /// The last day of a pin, or the end of a list; nil for a pin without one.
            case until(String?)
        }

        package init(mode: String, id: String, origin: String, life: Life, mx: [String], lines: [String]) {
            self.mode = mode
            self.id = id
            self.origin = origin
            self.life = life
            self.mx = mx
            self.lines = lines
        }
    }

    /// An MX host, and what was last seen of it.
    package struct Host: Sendable, Hashable {
        package let name: String
        package let preference: Int
        /// The pattern of the policy that covers it.
        package let pattern: String?
        /// A word or two of the program.
        package let state: String
        /// Whether the host was seen not to conform.
        package let isFailing: Bool
        package let facts: [String]

        package init(
            name: String, preference: Int, pattern: String?, state: String, isFailing: Bool, facts: [String]
        ) {
            self.name = name
            self.preference = preference
            self.pattern = pattern
            self.state = state
            self.isFailing = isFailing
            self.facts = facts
        }
    }

    package struct Sessions: Sendable, Hashable {
        package let successes: Int
        package let failures: Int

        package init(successes: Int, failures: Int) {
            self.successes = successes
            self.failures = failures
        }
    }

    package let domain: String
    package let at: Stamp
    package var policy: Policy?
    /// Why there is none, or none is known.
    package var policyText = ""
    /// Why there is no route, or none is known.
    package var routeText: String?
    package var hosts: [Host] = []
    /// One word, as in the log; nil where memory lacks something.
    package var verdict: String?
    package var explanation = ""
    package var held: HeldDomain?
    /// Sessions a day, those without any left out.
    package var days: [UTCDay: Sessions] = [:]
    package var reports: [ReportRow] = []
    /// Why the store could not be read; nil if it was.
    package var problem: String?

    package init(domain: String, at: Stamp) {
        self.domain = domain
        self.at = at
    }
}

/// What became of the reports of the last days.
package struct ReportList: Sendable, Hashable {
    package let rows: [ReportRow]
    /// Why the store could not be read; nil if it was.
    package let problem: String?

    package init(rows: [ReportRow], problem: String? = nil) {
        self.rows = rows
        self.problem = problem
    }
}

/// What became of one report at one destination.
package struct ReportRow: Sendable, Hashable {
    package let day: String
    package let domain: String
    package let state: String
    package let isFailure: Bool
    /// Nil where there is no report.
    package let destination: String?
    package let attempts: Int
    package let nextTry: Stamp?
    package let text: String

    package init(
        day: String, domain: String, state: String, isFailure: Bool, destination: String?, attempts: Int,
        nextTry: Stamp?, text: String
    ) {
        self.day = day
        self.domain = domain
        self.state = state
        self.isFailure = isFailure
        self.destination = destination
        self.attempts = attempts
        self.nextTry = nextTry
        self.text = text
    }
}
