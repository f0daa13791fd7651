// SPDX-License-Identifier: Apache-2.0
import Core
import Fleet
import Logging
import Settings

/// Reports to others, reports of others, and the operator's own domains.
struct ReportingParts: Sendable {
    let reports: ReportScheduler
    /// Nil where this machine is a sender of its own.
    let fleet: FleetWork?
    let maildir: ReportMaildir
    let watch: OwnDomainWatch

    init(
        _ current: SettingsInForce, on policies: PolicyParts, _ deliveries: DeliveryParts, logger: Logger
    ) async throws {
        let (settings, network, store, clock) = (current.value, policies.network, policies.store, policies.clock)
        let carrier = deliveries.ownReports.noting(network)
        reports = ReportScheduler(
            settings: settings.reports, isInFleet: settings.fleet != nil, store: store, records: network.reportRecords,
            carrier: carrier, clock: clock, logger: logger)
        fleet =
            if let fleet = settings.fleet {
                try await FleetWork(
                    fleet, reports: settings.reports, shared: FleetSettingValues(settings.sharedByFleet),
                    host: settings.heloName, store: store, records: network.reportRecords, carrier: carrier,
                    clock: clock, logger: logger
                ) { [intake = deliveries.intake, ledger = policies.ledger] in
                    let through = intake.readThrough(at: clock.now)
                    return await ledger.flush() ? through : nil
                } noteAddresses: { [ownReports = deliveries.ownReports] in
                    ownReports.noteShared($0)
                }
            } else { nil }
        maildir = ReportMaildir(settings: current, store: store, clock: clock, logger: logger)
        watch = OwnDomainWatch(settings.watched, clock: clock, logger: logger) { domain in
            // By the adapters and settings of the day.
            await Examiner(current.value, by: network.adapters).examine(domain)
        }
    }

    /// Takes new settings.
    func apply(_ settings: Settings) {
        reports.apply(settings.reports)
        fleet?.apply(settings)
        watch.apply(settings.watched)
    }
}
