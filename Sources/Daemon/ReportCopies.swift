// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import Reporting
import TLSRPT

/// Copies of the reports that were sent: files in a directory, or the same mails to an address of the site's own.
final class ReportCopies: ReportCopier {
    /// Reports that are known to have been copied, so that each is copied once, however many destinations it has.
    private static let maxKnown = 50_000

    private struct State {
        var place: ReportCopyPlace?
        var copied: Set<String> = []
    }

    private let state: Locked<State>
    private let carrier: any ReportCarrier
    private let logger: Logger

    init(to place: ReportCopyPlace?, carrier: any ReportCarrier, logger: Logger) {
        state = Locked(State(place: place))
        self.carrier = carrier
        self.logger = logger
    }

    /// Takes a new place for what is sent from now on.
    func apply(_ place: ReportCopyPlace?) { state.withLock { $0.place = place } }

    func copy(_ report: CompressedReport) async {
        let place: ReportCopyPlace? = state.withLock { state in
            guard let place = state.place else { return nil }
            if state.copied.count >= Self.maxKnown { state.copied = [] }
            return state.copied.insert(report.reportID).inserted ? place : nil
        }
        guard let place, let cause = await failure(of: report, to: place) else { return }
        // Its next destination is the next try.
        state.withLock { _ = $0.copied.remove(report.reportID) }
        logger.warning(
            "a copy of a report could not be kept",
            metadata: ["day": "\(report.day)", "domain": "\(report.policyDomain)", "cause": "\(cause)"])
    }

    /// - Returns: why there is no copy; nil if there is one.
    private func failure(of report: CompressedReport, to place: ReportCopyPlace) async -> String? {
        switch place {
        case .directory(let path):
            do {
                _ = try ReportFiles(directory: path, isPlain: false).write(report)
                return nil
            } catch { return "\(error)" }
        case .mail(let mailbox):
            switch await carrier.deliver(report, to: .mail(mailbox)) {
            case .accepted: return nil
            case .deferred(let text, _), .refused(let text), .uncertain(let text): return text
            case .withdrawn: return "not sent"
            }
        }
    }
}

extension ReportCarrier {
    /// All of a delivery in one: a copy has no row in the outbox to be marked.
    fileprivate func deliver(_ report: CompressedReport, to destination: ReportDestination) async -> SendResult {
        switch await prepare(report, for: destination) {
        case .held(let held): await held.finish()
        case .ended(let result): result
        }
    }
}
