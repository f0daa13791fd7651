// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Metrics
import Status
import Store
import TLSRPT

extension StatusReporter {
    /// Days of received reports that metrics count, and that the page shows.
    private static let metricDays: Int64 = 7
    private static let pageDays: Int64 = 14

    func ownDomains() async -> OwnDomainsReport {
        var report = OwnDomainsReport(at: Stamp(clock.now), days: Int(Self.pageDays))
        let seen = Dictionary(watch.seen.map { ($0.domain, $0) }) { first, _ in first }
        report.watched = settings.value.watched.map { domain in
            OwnDomainsReport.Watched(
                domain: domain.ascii, seenAt: seen[domain].map { Stamp($0.seenAt) },
                daysLeft: seen[domain]?.daysLeft.map { Int($0) }, troubles: seen[domain]?.troubles.map(\.text) ?? [])
        }
        let last = clock.now.day
        let first = last.advanced(by: 1 - Self.pageDays)
        let found = (try? await store.received(from: first, through: last)) ?? []
        let days = found.map { $0.days }
        report.received = zip(ReceivedTrends(found, from: first, through: last).domains, days).map {
            OwnDomainsReport.Received($0, days: $1)
        }
        return report
    }

    var ownMetrics: [MetricFamily] {
        let (wanted, seen) = (settings.value.watched.count, watch.seen)
        let troubled = seen.count { !$0.troubles.isEmpty }
        let kinds = seen.flatMap { $0.troubles.map(\.kind) }
        return [
            .gauge(
                "own_domains", "Domains of watch, by what the last look found.",
                [("ok", seen.count - troubled), ("trouble", troubled), ("unseen", max(0, wanted - seen.count))].map {
                    ([MetricFamily.Label("state", $0.0)], Double($0.1))
                }),
            .gauge(
                "own_domain_troubles", "What is wrong with domains of watch, by what it is of.",
                OwnTrouble.Kind.allCases.map { kind in
                    ([MetricFamily.Label("kind", kind.rawValue)], Double(kinds.count { $0 == kind }))
                }),
            .gauge(
                "own_certificate_days", "Days until the first certificate of a domain of watch ends.",
                seen.compactMap(\.daysLeft).min().map(Double.init)),
            .gauge(
                "own_last_look_timestamp_seconds", "When the domain of watch was looked at that was not for longest.",
                seen.map(\.seenAt.secondsSinceEpoch).min().map(Double.init)),
        ]
    }

    func receivedMetrics(_ counts: ReceivedCounts) -> [MetricFamily] {
        [
            .gauge(
                "received_reports", "Reports of others about the last 7 days, by whether they tell of a failure.",
                [("success", counts.reports - counts.failing), ("failure", counts.failing)].map {
                    ([MetricFamily.Label("result", $0.0)], Double($0.1))
                }),
            .gauge(
                "received_sessions", "Sessions that others report of the last 7 days, by result.",
                [("success", counts.successes), ("failure", counts.failures)].map {
                    ([MetricFamily.Label("result", $0.0)], Double($0.1))
                }),
            .gauge(
                "received_last_timestamp_seconds", "When a report of somebody else was last taken.",
                counts.last.map { Double($0.secondsSinceEpoch) }),
        ]
    }

    /// What metrics tell of received reports, as it was a moment ago at most; nothing while the store does not answer.
    func receivedCounts() async -> ReceivedCounts {
        let start = ContinuousClock.now
        if let known = knownReceived.withLock({ $0 }), start < known.until { return known.counts }
        let last = clock.now.day
        let counts = try? await store.receivedCounts(from: last.advanced(by: 1 - Self.metricDays), through: last)
        let end = ContinuousClock.now
        let until = end + min((end - start) * Self.countsStand, Self.longestStand)
        knownReceived.withLock { [counts] in $0 = (counts ?? ReceivedCounts(), until) }
        return counts ?? ReceivedCounts()
    }
}

extension OwnDomainsReport.Received {
    fileprivate init(_ found: ReceivedTrends.Domain, days: [ReceivedDomain.Day]) {
        self.init(
            domain: found.domain, successes: found.sessions - found.failures, failures: found.failures,
            kinds: found.kinds.map {
                OwnDomainsReport.Failure(
                    sessions: $0.sessions, host: $0.host, text: $0.text, firstDay: $0.firstDay, lastDay: $0.lastDay,
                    reporters: $0.reporters)
            },
            reporters: found.reporters.map {
                OwnDomainsReport.Reporter(
                    name: $0.name, reports: $0.reports, sessions: $0.sessions, failures: $0.failures)
            },
            days: Dictionary(
                days.map { ($0.day, DomainReport.Sessions(successes: $0.successes, failures: $0.failures)) }
            ) { first, _ in first })
    }
}
