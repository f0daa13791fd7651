// SPDX-License-Identifier: Apache-2.0
import Core
import Logging
import Settings

/// What is made of the deliveries that the MTA tells of.
struct DeliveryParts: Sendable {
    let hops: ObservedNextHops
    let mapKeys: ObservedMapKeys
    let ownReports: OwnReports
    let accounting: SessionAccounting
    let explanations: ExplanationKeeper
    let intake: DeliveryIntake

    /// Binds the datagram socket; reads nothing yet.
    init(_ settings: Settings, on policies: PolicyParts, _ judging: JudgingParts, logger: Logger) throws {
        let clock = policies.clock
        hops = ObservedNextHops(clock: clock)
        mapKeys = ObservedMapKeys(clock: clock)
        ownReports = OwnReports(outbox: policies.store, clock: clock)
        ownReports.noteCopies(to: settings.reports.copyPlace)
        accounting = SessionAccounting(
            policies: policies.cache, routes: judging.resolver.routes, hops: hops, mapKeys: mapKeys,
            gate: judging.gate, held: judging.held, ownReports: ownReports,
            countsDatagrams: settings.intake.datagramSocket != nil, readsLog: settings.intake.postfixLog != nil,
            lookupTimeout: settings.discovery.fetchDeadline + SessionAccounting.lookupMargin, clock: clock)
        explanations = ExplanationKeeper(
            store: policies.store, keptFor: settings.explainFor, clock: clock, logger: logger)
        intake = try DeliveryIntake(
            settings.intake, reading: settings.logReading, accounting: accounting, ledger: policies.ledger,
            explanations: explanations, logger: logger)
    }

    /// Takes new settings.
    func apply(_ settings: Settings) {
        explanations.apply(settings.explainFor)
        ownReports.noteCopies(to: settings.reports.copyPlace)
    }

    /// Lets go of what is remembered no longer.
    func sweep() {
        hops.sweep()
        mapKeys.sweep()
        accounting.sweep()
    }
}
