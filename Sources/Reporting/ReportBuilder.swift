// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging

/// Turns what was counted on a day into frozen reports and plans their deliveries.
package struct ReportBuilder: Sendable {
    /// Domains in work at a time: a name server that does not answer holds up its own domain only.
    static let maxInWork = 128
    /// Reports written in one transaction.
    static let batchCount = 250
    /// Octets of reports past which a transaction takes no further one.
    static let batchBytes = 4 << 20
    /// How long after the first look a record that cannot be looked up is tried again.
    static let waitLimit = Duration.seconds(24 * 3600)
    /// Registrable domains that are named in the log when they have more reports than a day's bounds.
    static let maxNamed = 5

    /// What came of a day's building.
    package struct Summary: Sendable, Hashable {
        package var planned = 0
        package var absent = 0
        package var withoutReport = 0
        /// Domains whose record could not be looked up: they are tried again.
        package var pending = 0
    }

    private let counts: any DailyCounts
    private let judge: ReportJudge
    private let clock: any WallClock
    private let logger: Logger

    package init(
        counts: any DailyCounts, records: any ReportRecordSource, settings: ReportingSettings, clock: any WallClock,
        logger: Logger
    ) {
        self.counts = counts
        judge = ReportJudge(records: records, settings: settings, logger: logger)
        self.clock = clock
        self.logger = logger
    }

    /// Settles the domains of a finished day that are not settled yet. May be repeated, and done by several processes
    /// at once.
    /// - Parameter domain: the only one to settle; the day then stays open.
    @discardableResult
    package func build(_ day: UTCDay, only domain: DomainName? = nil) async throws -> Summary {
        let began = try await counts.begin(day, at: clock.now)
        let isLastLook = clock.now - began >= Self.waitLimit
        var work = Batch()
        var excess: [DomainName: Int] = [:]
        try await forEach(on: day, in: DomainRange(only: domain), began: began, isLastLook: isLastLook) { report in
            work.add(report)
            guard work.isFull else { return }
            excess.merge(try await counts.settle(work.take(), at: clock.now), uniquingKeysWith: +)
        }
        excess.merge(try await counts.settle(work.take(), at: clock.now), uniquingKeysWith: +)
        tell(of: excess, on: day)
        if domain == nil, work.summary.pending == 0 { try await counts.end(day, at: clock.now) }
        return work.summary
    }

    private func tell(of excess: [DomainName: Int], on day: UTCDay) {
        let sorted = excess.sorted { ($1.value, $0.key.ascii) < ($0.value, $1.key.ascii) }
        for (domain, count) in sorted.prefix(Self.maxNamed) {
            logger.warning(
                "reports past the bounds of a day are not sent",
                metadata: ["day": "\(day)", "domain": "\(domain)", "deliveries": "\(count)"])
        }
        guard sorted.count > Self.maxNamed else { return }
        logger.warning(
            "reports past the bounds of a day are not sent, of more domains",
            metadata: ["day": "\(day)", "domains": "\(sorted.count - Self.maxNamed)"])
    }

    /// What would become of the day's domains; nothing is written.
    package func preview(
        _ day: UTCDay, only domain: DomainName? = nil, _ body: (ReportDecision?) async throws -> Void
    ) async throws {
        try await forEach(
            on: day, in: DomainRange(only: domain), began: clock.now, isLastLook: true, body)
    }

    /// Judges domains side by side and hands over each as it is ready; nil is one that must be tried again.
    private func forEach(
        on day: UTCDay, in range: DomainRange, began: UTCTime, isLastLook: Bool,
        _ body: (ReportDecision?) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: ReportDecision?.self) { group in
            var inWork = 0
            var next: DomainRange? = range
            while let range = next {
                let piece = try await counts.unsettled(on: day, in: range)
                next = piece.last.map { DomainRange(after: $0, only: range.only) }
                for results in piece.results {
                    if inWork >= Self.maxInWork, let report = try await group.next() {
                        try await body(report)
                        inWork -= 1
                    }
                    try Task.checkCancellation()
                    group.addTask {
                        await judge.settle(results, on: day, began: began, isLastLook: isLastLook)
                    }
                    inWork += 1
                }
            }
            while let report = try await group.next() { try await body(report) }
        }
    }
}

/// Reports that wait to be written together.
private struct Batch {
    private(set) var summary = ReportBuilder.Summary()
    private var reports: [ReportDecision] = []
    private var bytes = 0

    var isFull: Bool { reports.count >= ReportBuilder.batchCount || bytes >= ReportBuilder.batchBytes }

    mutating func add(_ report: ReportDecision?) {
        guard let report else {
            summary.pending += 1
            return
        }
        switch report.outcome {
        case .planned(let packed, _):
            summary.planned += 1
            bytes += packed.body.count
        case .absent: summary.absent += 1
        case .none: summary.withoutReport += 1
        }
        reports.append(report)
    }

    mutating func take() -> [ReportDecision] {
        defer {
            reports = []
            bytes = 0
        }
        return reports
    }
}
