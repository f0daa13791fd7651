// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Names

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
        do { return Array(try encoder.encode(self)) } catch { throw ReportError(error) }
    }

    /// Reads a report; tolerates what senders are known to get wrong, but not what would miscount.
    package init(json: some Sequence<UInt8>) throws(ReportError) {
        do { self = try JSONDecoder().decode(Report.self, from: Data(json)) } catch { throw ReportError(error) }
    }

    /// Reads one report, or an array of them.
    package static func all(json: some Sequence<UInt8>) throws(ReportError) -> [Report] {
        do { return try JSONDecoder().decode(OneOrMany<Report>.self, from: Data(json)).values } catch {
            throw ReportError(error)
        }
    }
}

extension ReportError {
    fileprivate init(_ error: any Error) {
        func place(_ path: [any CodingKey]) -> String {
            path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined().trimmingPrefix(".")
                .description
        }
        let text =
            switch error {
            case DecodingError.keyNotFound(let key, let context): "no \(place(context.codingPath + [key]))"
            case DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty: "not valid JSON"
            case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
                DecodingError.dataCorrupted(let context):
                "\(place(context.codingPath)): \(context.debugDescription)"
            default: "\(error)"
            }
        description = printable(text)
    }
}

extension Report: Codable {
    private enum CodingKeys: String, CodingKey {
        case organizationName = "organization-name"
        case dateRange = "date-range"
        case contactInfo = "contact-info"
        case reportID = "report-id"
        case policies
    }

    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        organizationName = try members.decodeIfPresent(String.self, forKey: .organizationName)
        dateRange = try members.decode(DateRange.self, forKey: .dateRange)
        contactInfo = try members.decodeIfPresent(String.self, forKey: .contactInfo)
        reportID = try members.decodeIfPresent(String.self, forKey: .reportID) ?? ""
        policies = try members.decodeIfPresent(OneOrMany<PolicyResult>.self, forKey: .policies)?.values ?? []
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

extension Report.DateRange: Codable {
    private enum CodingKeys: String, CodingKey {
        case start = "start-datetime"
        case end = "end-datetime"
    }

    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        func time(_ key: CodingKeys) throws -> UTCTime {
            guard let time = UTCTime(dateTime: try members.decode(String.self, forKey: key)) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: members, debugDescription: "not a date and time")
            }
            return time
        }
        self.init(start: try time(.start), end: try time(.end))
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(start.description, forKey: .start)
        try members.encode(end.description, forKey: .end)
    }
}
