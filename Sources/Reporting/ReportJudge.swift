// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import TLSRPT

/// Decides what becomes of one domain's counts: who gets a report, and from when on.
struct ReportJudge: Sendable {
    /// Of what is wrong with a record: room for the reasons of several URIs.
    private static let maxCauseCharacters = 500

    private let records: any ReportRecordSource
    private let settings: ReportingSettings
    private let maker: ReportMaker
    private let logger: Logger

    init(records: any ReportRecordSource, settings: ReportingSettings, logger: Logger) {
        self.records = records
        self.settings = settings
        maker = ReportMaker(settings)
        self.logger = logger
    }

    /// - Parameters:
    ///   - began: when the day's building began; deliveries are spread from there.
    ///   - isLastLook: whether a record that cannot be looked up now is given up.
    /// - Returns: nil if the domain must be tried again.
    func settle(_ results: DomainResults, on day: UTCDay, began: UTCTime, isLastLook: Bool) async -> ReportDecision? {
        let outcome = await outcome(of: results, on: day, began: began, isLastLook: isLastLook)
        return outcome.map { ReportDecision(day: day, domain: results.domain, outcome: $0) }
    }

    private func outcome(
        of results: DomainResults, on day: UTCDay, began: UTCTime, isLastLook: Bool
    ) async -> ReportDecision.Outcome? {
        let domain = results.domain
        if settings.never.covers(domain) { return .none(.never, "report.never") }
        if settings.onlyFailures, !results.hasFailures { return .none(.noFailures, "report.only_failures") }
        switch ReportAudience(await records.record(for: domain), for: domain, never: settings.never) {
        case .absent: return .absent
        case .invalid(let why), .unservable(let why): return invalid(domain, why)
        case .unwanted: return .none(.never, "report.never")
        case .served(let destinations, _): return planned(results, on: day, began: began, destinations)
        case .unavailable(let why):
            guard isLastLook else { return nil }
            logger.warning(
                "no report: the TLSRPT record could not be looked up",
                metadata: ["domain": "\(domain)", "day": "\(day)", "cause": "\(printable(why))"])
            return .none(.unavailable, printable(why))
        }
    }

    private func planned(
        _ results: DomainResults, on day: UTCDay, began: UTCTime, _ destinations: [ReportDestination]
    ) -> ReportDecision.Outcome? {
        // By the domain and not by chance: a restart changes nothing, and no two days favour the same domain.
        let start = began + settings.spread.share(stableHash("\(day)", results.domain.ascii))
        do {
            let packed = try maker.pack(results, on: day)
            return .planned(packed, destinations.map { PlannedDelivery(to: $0, notBefore: start) })
        } catch {
            logger.error(
                "a report could not be made",
                metadata: ["domain": "\(results.domain)", "day": "\(day)", "cause": "\(error)"])
            return nil
        }
    }

    private func invalid(_ domain: DomainName, _ why: String) -> ReportDecision.Outcome {
        let why = printable(why, limit: Self.maxCauseCharacters)
        logger.notice(
            "no report: the TLSRPT record is invalid", metadata: ["domain": "\(domain)", "cause": "\(why)"])
        return .none(.invalid, why)
    }
}
