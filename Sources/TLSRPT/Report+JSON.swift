// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials

/// Why a text is not a report.
package struct ReportError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Safe to print.
    package let description: String
}

extension Report {
    /// The report as UTF-8 JSON, the same bytes for the same report.
    package func json(pretty: Bool = false) throws(ReportError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        do { return Array(try encoder.encode(self)) } catch {
            throw ReportError(description: printable("\(error)"))
        }
    }

    /// Reads a report that is one of ours, or as small.
    package init(json: some Sequence<UInt8>) throws(ReportError) {
        let reports = try Self.all(json: json)
        guard reports.count == 1 else { throw ReportError(description: "\(reports.count) reports, not one") }
        self = reports[0]
    }

    /// Reads one report, an array of them, or several one behind the other.
    package static func all(json: some Sequence<UInt8>) throws(ReportError) -> [Report] {
        var text: [UInt8]? = Array(json)
        var reports: [Report] = []
        let more = {
            defer { text = nil }
            return text ?? []
        }
        try ReportParser.read(more) { report, _ in reports.append(report) }
        return reports
    }
}

extension Report: Encodable {
    private enum CodingKeys: String, CodingKey {
        case organizationName = "organization-name"
        case dateRange = "date-range"
        case contactInfo = "contact-info"
        case reportID = "report-id"
        case policies
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encodeIfPresent(organizationName, forKey: .organizationName)
        try members.encode(dateRange, forKey: .dateRange)
        try members.encodeIfPresent(contactInfo, forKey: .contactInfo)
        try members.encode(reportID, forKey: .reportID)
        try members.encode(policies, forKey: .policies)
    }
}

extension Report.DateRange: Encodable {
    private enum CodingKeys: String, CodingKey {
        case start = "start-datetime"
        case end = "end-datetime"
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(start.description, forKey: .start)
        try members.encode(end.description, forKey: .end)
    }
}
