// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Intake
import Preload
import Settings
import Store

extension IntakeReading {
    /// Sessions that are counted at a time, as by the daemon.
    private static let batch = IntakePace().maxSessions
    /// How long the lookups of a batch may take: nothing waits for a command.
    private static let lookupTimeout = Duration.seconds(300)

    /// Adds what was read to the ledger, by the rules of the daemon.
    ///
    /// Policies are those of the store; of a domain without one, and for MX records, the network is asked. What a daemon
    /// learns from its milter and its probes is not known here.
    /// - Returns: lines for the administrator: how many sessions were recorded, and how many were not, and why.
    package func record(in workspace: Workspace, again: Bool) async throws -> [String] {
        let store = try workspace.openStore()
        let clock = SystemClock()
        let mark = IntakeMark(source: "recorded \(source.rawValue) \(fingerprint)", state: [])
        let isKnown = try await store.intakeMark(of: mark.source) != nil
        if isKnown, !again { throw IntakeReadingError.recordedBefore(path) }
        // Datagrams say all that counts themselves: for them nobody is asked.
        let network = sessions.isEmpty ? nil : try await workspace.openNetwork()
        defer { network?.shutdown() }
        let accounting = try await Self.accounting(workspace, store, network ?? NoNetwork(), clock)
        let reported = datagrams.flatMap { accounting.counts(reported: $0.sessionCounts(day: clock.now.day)) }
        var accounted = AccountedSessions()
        var rest = sessions[...]
        while !rest.isEmpty {
            accounted.merge(await accounting.account(for: Array(rest.prefix(Self.batch))))
            rest = rest.dropFirst(Self.batch)
        }
        let counts = reported + accounted.counts
        try await Ledger(store: store, clock: clock, logger: workspace.logger).commit(counts, mark: mark)
        return ["\(path): \(counts.count) sessions recorded"]
            + Self.lines(of: accounted.leftOut).map { "\(path): \($0)" }
    }

    private static func lines(of leftOut: [AccountedSessions.LeftOut: Int]) -> [String] {
        AccountedSessions.LeftOut.allCases.compactMap { reason in
            leftOut[reason].map { "\($0) not counted, \(reason.reason)" }
        }
    }

    private static func accounting(
        _ workspace: Workspace, _ store: Store, _ network: any Router & PolicyDiscoverer & DocumentSource,
        _ clock: SystemClock
    ) async throws -> SessionAccounting {
        let (settings, logger) = (workspace.settings, workspace.logger)
        let memory = PolicyTable(logger: logger)
        _ = try store.load(into: memory, at: clock.now)
        let overrides = await KeptOverrides(settings, documents: network, clock: clock, logger: logger)
        let policies = PolicyCache(
            memory: memory, store: NoPolicyStore(), discoverer: network, overrides: overrides, clock: clock,
            logger: logger, settings: settings.policyCache)
        let ownReports = OwnReports(outbox: store, clock: clock)
        ownReports.noteCopies(to: settings.reports.copyPlace)
        return SessionAccounting(
            policies: policies, routes: RouteCache(router: network, clock: clock),
            hops: ObservedNextHops(clock: clock), mapKeys: ObservedMapKeys(clock: clock), gate: nil,
            ownReports: ownReports,
            countsDatagrams: settings.intake.datagramSocket != nil, readsLog: settings.intake.postfixLog != nil,
            lookupTimeout: lookupTimeout, clock: clock)
    }
}
