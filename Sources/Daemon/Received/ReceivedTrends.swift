// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Store
import TLSRPT

/// What others reported of one's own domains, as `report received` shows it: failures first. Every text is safe to print.
package struct ReceivedTrends: Sendable, Codable {
    package struct Failure: Sendable, Codable {
        /// The result type, or what a reporter wrote in its place.
        package let type: String
        package let text: String
        package let host: String?
        package let sessions: Int
        package let firstDay: String
        package let lastDay: String
        package let reporters: [String]
    }

    package struct Reporter: Sendable, Codable {
        package let name: String
        package let reports: Int
        package let sessions: Int
        package let failures: Int
    }

    package struct Day: Sendable, Codable {
        package let day: String
        package let sessions: Int
        package let failures: Int
    }

    package struct Domain: Sendable, Codable {
        package let domain: String
        package let sessions: Int
        package let failures: Int
        package let kinds: [Failure]
        package let reporters: [Reporter]
        package let days: [Day]
    }

    package let firstDay: String
    package let lastDay: String
    package let domains: [Domain]

    init(_ found: [ReceivedDomain], from first: UTCDay, through last: UTCDay) {
        firstDay = "\(first)"
        lastDay = "\(last)"
        domains = found.map(Domain.init)
    }
}

/// Longest name of others that is shown, in characters.
private let maxNameCharacters = 100

extension ReceivedTrends.Domain {
    fileprivate init(_ found: ReceivedDomain) {
        domain = printable(found.domain, limit: DomainName.maxOctets)
        sessions = saturatingSum(found.successes, found.failures)
        failures = found.failures
        kinds = found.kinds.map { kind in
            ReceivedTrends.Failure(
                type: printable(kind.details.type.text, limit: maxNameCharacters), text: kind.details.inWords,
                host: kind.details.receivingMXHostname.map { printable($0, limit: DomainName.maxOctets) },
                sessions: kind.sessions, firstDay: "\(kind.firstDay)", lastDay: "\(kind.lastDay)",
                reporters: kind.reporters.map { printable($0, limit: maxNameCharacters) })
        }
        reporters = found.reporters.map {
            ReceivedTrends.Reporter(
                name: $0.name.isEmpty ? "nobody named" : printable($0.name, limit: maxNameCharacters),
                reports: $0.reports,
                sessions: saturatingSum($0.successes, $0.failures), failures: $0.failures)
        }
        days = found.days.map {
            ReceivedTrends.Day(
                day: "\($0.day)", sessions: saturatingSum($0.successes, $0.failures), failures: $0.failures)
        }
    }
}
