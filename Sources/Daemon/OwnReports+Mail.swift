// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Milter
import Reporting
import TLSRPT

extension OwnReports {
    /// Whether a report goes to the address, from memory.
    func contains(_ address: EnvelopeAddress) -> Bool {
        address.domain.map { contains(local: address.local, domain: $0) } ?? false
    }

    /// Takes note of a report that is about to go.
    func expect(_ destination: ReportDestination) {
        if case .mail(let mailbox) = destination { expect(mailbox) }
    }

    /// Takes note of where copies of reports go.
    func noteCopies(to place: ReportCopyPlace?) {
        if case .mail(let mailbox) = place { noteCopies(to: mailbox) } else { noteCopies(to: nil as Mailbox?) }
    }

    /// The carrier, with note taken of each report before it goes.
    func noting(_ carrier: any ReportCarrier) -> any ReportCarrier { NotingCarrier(carrier: carrier, ownReports: self) }
}

private struct NotingCarrier: ReportCarrier {
    let carrier: any ReportCarrier
    let ownReports: OwnReports

    func prepare(_ report: CompressedReport, for destination: ReportDestination) async -> ReportPreparation {
        ownReports.expect(destination)
        return await carrier.prepare(report, for: destination)
    }
}
