// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Fleet
import FoundationEssentials
import Reporting
import Settings
import Store
import TLSRPT

/// What the `report` commands do, on the store's file beside a daemon that may be running.
package struct ReportCommands: Sendable {
    /// What to send.
    package struct Order: Sendable {
        /// Nil for all finished days whose reports are not all made.
        package var day: UTCDay?
        package var domain: DomainName?
        /// Send again what was not accepted, whatever became of it.
        package var again = false
        /// Send only what is due by `report.spread`, as a timer wants it.
        package var keepsSpread = false

        package init() {}
    }

    private let workspace: Workspace
    private let settings: ReportSettings
    private let store: Store
    /// What several machines report together; nil where this one is a sender of its own.
    private let fleet: FleetReportList?
    private let clock = SystemClock()

    package init(_ workspace: Workspace) throws {
        self.workspace = workspace
        settings = workspace.settings.reports
        store = try workspace.openStore()
        fleet = workspace.settings.fleet.map { FleetReportList($0.server) }
    }

    /// Makes and sends reports.
    /// - Parameters:
    ///   - tell: gets a line for each attempt.
    ///   - conclude: gets a line on what is left.
    /// - Returns: whether nothing failed for good.
    package func send(
        _ order: Order, tell: @escaping @Sendable (String) -> Void, conclude: (String) -> Void
    ) async throws -> Bool {
        if let obstacle = settings.obstacle { throw ReportCommandError.obstacle(obstacle) }
        if order.again, let day = order.day {
            let text = try await asking { fleet in try await fleet.reopen(day, order.domain).text(day) }
            if let text {
                conclude(text)
                guard try await store.reportsItself(day) else { return true }
            }
        } else if fleet != nil, order.day == nil {
            conclude("what machines of the fleet have counted its daemons report: see sts-milter fleet status")
        }
        let days = try await days(of: order, tell: tell)
        let network = try await workspace.openNetwork()
        let builder = builder(asking: network)
        var isPlanned = false
        for day in days {
            if order.again { _ = try await store.reopen(day, order.domain, at: clock.now) }
            let summary = try await builder.build(day, only: order.domain)
            isPlanned = isPlanned || summary.planned > 0
            if summary.pending > 0 {
                tell("\(day): \(summary.pending) TLSRPT records could not be looked up, try again later")
            }
        }
        // A daemon's milter must know the new destinations before mail goes there.
        if isPlanned { try await Task.sleep(for: OwnReports.interval * 2) }
        let failures = Locked(0)
        let copies = ReportCopies(to: settings.copyPlace, carrier: network, logger: workspace.logger)
        let sender = ReportSender(
            outbox: store, carrier: network, copier: copies, clock: clock, logger: workspace.logger,
            owner: UUID().uuidString)
        let deliveries = DeliveryOrder(day: order.day, domain: order.domain, ignoresSpread: !order.keepsSpread)
        try await sender.send(deliveries) { delivery, conclusion in
            if conclusion.state.isFailure { failures.withLock { $0 += 1 } }
            tell("\(ReportLine(delivery, conclusion))")
        }
        conclude("\(try await store.openDeliveries(of: order.day, for: order.domain, at: clock.now))")
        return failures.withLock { $0 } == 0
    }

    /// What `send(_:tell:)` would do, one line each; nothing is written or sent.
    package func preview(_ order: Order, tell: (String) -> Void) async throws {
        let days = try await days(of: order, tell: tell)
        let network = try await workspace.openNetwork()
        for day in days {
            try await builder(asking: network).preview(day, only: order.domain) { report in
                report.map(ReportLine.lines)?.forEach { tell("\($0)") }
            }
        }
        for line in try await store.reportLines(of: order.day, for: order.domain, failuresOnly: false)
        where line.nextTry != nil || (order.again && line.state != Delivery.State.accepted.rawValue) {
            tell("\(line)")
        }
    }

    /// Writes the reports of a day as files, from what is counted; nothing is sent, and nothing noted.
    /// - Parameters:
    ///   - looksUp: whether only domains that ask for reports get a file.
    ///   - isPlain: whether the files are for reading, instead of what would be sent.
    ///   - tell: gets the path of each file.
    package func write(
        _ day: UTCDay, to directory: String, looksUp: Bool, isPlain: Bool, tell: (String) -> Void
    ) async throws {
        guard day <= clock.now.day else { throw ReportCommandError.dayAhead(day) }
        guard fleet == nil else {
            throw ReportCommandError.obstacle(
                "\(day): the fleet makes one report of what all its machines count, and this one has its own counts alone: "
                    + "report list shows what was sent, and report.copy_to keeps it")
        }
        let files = ReportFiles(directory: directory, isPlain: isPlain)
        guard looksUp else {
            let maker = ReportMaker(settings.reporting)
            for try await results in store.results(of: day) { tell(try files.write(maker.pack(results, on: day))) }
            return
        }
        let network = try await workspace.openNetwork()
        let builder = ReportBuilder(
            counts: AllCounts(store: store), records: network.reportRecords, settings: settings.reporting,
            clock: clock, logger: workspace.logger)
        try await builder.preview(day) { report in
            if case .planned(let packed, _) = report?.outcome { tell(try files.write(packed)) }
        }
    }

    /// The days of an order that are over, and whose reports need not wait.
    private func days(of order: Order, tell: (String) -> Void) async throws -> [UTCDay] {
        let today = clock.now.day
        if let day = order.day {
            guard day < today else { throw ReportCommandError.dayNotOver(day) }
            if try await !store.reportsItself(day),
                let text = try await asking({ try await $0.work(on: day).text(day) })
            {
                throw ReportCommandError.obstacle(text)
            }
            if settings.schedule == .export, try await !store.hasBegun(day) {
                throw ReportCommandError.obstacle(
                    "\(day): report.schedule is export: another machine makes its reports, see report export")
            }
            return [day]
        }
        // Only what is on its way is sent.
        if settings.schedule == .export { return [] }
        let schedule = ReportSchedule(source: settings.reporting.source)
        var days: [UTCDay] = []
        for day in try await store.openDays(before: today) {
            // All others are the fleet's, also those of which it has nothing yet.
            if fleet != nil, try await !store.reportsItself(day) { continue }
            if order.keepsSpread, schedule.buildTime(of: day) > clock.now { continue }
            if try await mayBuild(day, tell: tell) { days.append(day) }
        }
        return days
    }

    /// - Returns: what the fleet's database says; nil where there is no fleet.
    private func asking<Value>(_ work: (FleetReportList) async throws -> Value) async throws -> Value? {
        guard let fleet else { return nil }
        do { return try await work(fleet) } catch let error as FleetError {
            throw ReportCommandError.fleetAway("\(error)")
        }
    }

    /// Whether the counts of all machines are there, or have been waited for long enough.
    private func mayBuild(_ day: UTCDay, tell: (String) -> Void) async throws -> Bool {
        let readiness = try await store.readiness(
            of: day, importing: settings.importFrom, until: settings.importEnd(of: day), at: clock.now)
        guard case .waiting(let machines, let end) = readiness else { return true }
        tell(
            "\(day): waits until \(end) for the counts of \(machines.joined(separator: ", ")); "
                + "to report without them: report send --day \(day)")
        return false
    }

    private func builder(asking network: Network) -> ReportBuilder {
        ReportBuilder(
            counts: store, records: network.reportRecords, settings: settings.reporting, clock: clock,
            logger: workspace.logger)
    }

    /// What became of the reports.
    package func lines(
        of day: UTCDay?, for domain: DomainName?, failuresOnly: Bool
    ) async throws -> [ReportLine] {
        var lines = try await store.reportLines(of: day, for: domain, failuresOnly: failuresOnly)
        _ = try await asking { fleet in
            try await fleet.lines(of: day, for: domain, failuresOnly: failuresOnly, at: clock.now) { lines.append($0) }
        }
        return lines
    }

    /// The destinations that are left alone, since they refused too often.
    package func suppressions() async throws -> [Suppression] {
        try await store.suppressions(at: clock.now) + (asking { try await $0.suppressions(at: clock.now) } ?? [])
    }

    /// Lets reports go to a destination again, in whatever way its URI is written.
    /// - Returns: whether it was left alone until now.
    package func allow(_ destination: String) async throws -> Bool {
        let uri = (try? ReportDestination(destination))?.description ?? destination
        let isOfFleet = try await asking { try await $0.unsuppress(uri) } ?? false
        return try await store.unsuppress(uri) || isOfFleet
    }
}

/// Why a `report` command cannot be carried out.
package enum ReportCommandError: Error, Sendable, CustomStringConvertible {
    case dayNotOver(UTCDay)
    case dayAhead(UTCDay)
    case obstacle(String)
    /// The fleet's database does not do what was asked, and why.
    case fleetAway(String)
    case output(String, cause: String)

    package var description: String {
        switch self {
        case .dayNotOver(let day): "\(day) is not over yet (UTC): its reports are made when it is"
        case .dayAhead(let day): "\(day) has not begun yet (UTC): there is nothing to report"
        case .obstacle(let text): text
        case .fleetAway(let cause):
            "the fleet's reports are in its database, which cannot be used: \(printable(cause, limit: 500)); see to the database and "
                + "to fleet.postgres, and try again: its daemons go on by themselves"
        case .output(let path, let cause): "\(printable(path)): cannot be written: \(cause)"
        }
    }
}

extension FleetDayWork {
    /// Why a command makes no reports of the day, and what to do instead.
    fileprivate func text(_ day: UTCDay) -> String {
        let state =
            switch self {
            case .none: "nothing of it has come to the fleet yet"
            case .owned(let host): "\(host) works on them now"
            case .ended: "they are made"
            case .open: "they are not made yet"
            }
        return
            "\(day): its reports are the fleet's to make and to send, by its daemons, and \(state): see sts-milter fleet status "
            + "and report list; what was not accepted goes out again by: sts-milter report send --again --day \(day)"
    }
}

extension FleetReopening {
    fileprivate func text(_ day: UTCDay) -> String {
        let underWay = underWay == 0 ? "" : ", \(underWay) are under way and left alone"
        let owner = owner.map { ", and \($0) works on the day now" } ?? ""
        return
            "\(day): \(due) deliveries of the fleet are due: its daemons send them, see report list\(underWay)\(owner)"
    }
}
