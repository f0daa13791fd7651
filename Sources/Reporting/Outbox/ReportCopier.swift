// SPDX-License-Identifier: Apache-2.0
import Basics

/// Keeps a copy of each report that a destination has accepted, beside its delivery.
package protocol ReportCopier: Sendable {
    /// Never throws: a copy that fails is told of, and changes nothing for the report. May be called for each destination
    /// of a report; it is copied once.
    func copy(_ report: CompressedReport) async
}

/// Where copies of reports go.
package enum ReportCopyPlace: Sendable, Hashable {
    /// A directory, by an absolute path: a file a report.
    case directory(String)
    /// The address of one who gets the same mails.
    case mail(Mailbox)

    /// Reads `/var/lib/sts-milter/sent` or `tlsrpt@example.org`; nil if it is neither.
    package init?(_ text: String) {
        if text.hasPrefix("/"), !text.utf8.contains(0) {
            self = .directory(text)
        } else if let mailbox = Mailbox(text) {
            self = .mail(mailbox)
        } else {
            return nil
        }
    }
}

extension ReportCopyPlace: CustomStringConvertible {
    package var description: String {
        switch self {
        case .directory(let path): path
        case .mail(let mailbox): mailbox.description
        }
    }
}
