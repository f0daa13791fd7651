// SPDX-License-Identifier: Apache-2.0
import Foundation
import Logging
import Names
import Store
import TLSRPT

/// Why reports cannot be written; says what to change.
package enum ReportWriterError: Error, Sendable, CustomStringConvertible {
    case contact(String)
    case output(String, cause: String)

    package var description: String {
        switch self {
        case .contact(let text):
            "report.contact_info: '\(printable(text, limit: 80))' is not a mail address; write \"tlsrpt@example.org\""
        case .output(let path, let cause): "\(path): cannot be written: \(cause)"
        }
    }
}

/// Writes what was counted on a day as RFC 8460 reports, a file a policy domain.
package struct ReportWriter: Sendable {
    private let settings: Settings

    package init(_ settings: Settings) { self.settings = settings }

    /// - Returns: the paths of the files, in the order of the domains.
    package func write(_ day: UTCDay, to directory: String) async throws -> [String] {
        let contact = settings.contactInfo
        guard let at = contact.lastIndex(of: "@"), let sender = try? DomainName(contact[contact.index(after: at)...])
        else {
            throw ReportWriterError.contact(contact)
        }
        let store = try Store(
            path: settings.storePath, createIfMissing: false,
            logger: Logger(label: "report") { StreamLogHandler.standardError(label: $0) })
        do { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) } catch {
            throw ReportWriterError.output(directory, cause: error.localizedDescription)
        }
        var paths: [String] = []
        // One domain in memory at a time, however many there are.
        for try await results in store.results(of: day) {
            let range = Report.DateRange(day)
            let report = Report(
                organizationName: settings.organizationName, dateRange: range, contactInfo: contact,
                reportID: "\(day).\(results.domain)@\(sender)", policies: results.policies)
            guard
                let name = ReportFileName(
                    sender: sender, policyDomain: results.domain, range: range, isCompressed: false)
            else { continue }
            let path = URL(fileURLWithPath: directory).appendingPathComponent(name.description).path
            do { try Data(report.json(pretty: true)).write(to: URL(fileURLWithPath: path)) } catch {
                throw ReportWriterError.output(path, cause: error.localizedDescription)
            }
            paths.append(path)
        }
        return paths
    }
}
