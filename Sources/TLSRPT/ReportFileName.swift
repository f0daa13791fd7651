// SPDX-License-Identifier: Apache-2.0
import Basics

/// The name under which a report travels. - RFC 8460 §5.1: Report Filename.
package struct ReportFileName: Sendable, Hashable, CustomStringConvertible {
    /// The domain of the report's `contact-info`.
    package let sender: DomainName
    package let policyDomain: DomainName
    package let range: Report.DateRange
    /// Letters and digits; tells apart reports for one domain and period from several sources.
    package let uniqueID: String?
    package let isCompressed: Bool

    /// - Returns: nil if `uniqueID` is not letters and digits.
    package init?(
        sender: DomainName, policyDomain: DomainName, range: Report.DateRange, uniqueID: String? = nil,
        isCompressed: Bool
    ) {
        guard uniqueID.map(isAlphanumeric) ?? true else { return nil }
        self.sender = sender
        self.policyDomain = policyDomain
        self.range = range
        self.uniqueID = uniqueID
        self.isCompressed = isCompressed
    }

    /// Reads a file name without its directory.
    package init?(_ text: some StringProtocol) {
        guard let ending = [".json", ".json.gz"].first(where: { text.hasSuffix($0) }) else { return nil }
        let parts = text.dropLast(ending.count).split(separator: "!", omittingEmptySubsequences: false)
        guard (4...5).contains(parts.count), let sender = try? DomainName(parts[0]),
            let policyDomain = try? DomainName(parts[1]), let start = Self.time(parts[2]), let end = Self.time(parts[3])
        else { return nil }
        self.init(
            sender: sender, policyDomain: policyDomain, range: Report.DateRange(start: start, end: end),
            uniqueID: parts.count == 5 ? String(parts[4]) : nil, isCompressed: ending == ".json.gz")
    }

    package var description: String {
        var parts = [
            sender.ascii, policyDomain.ascii, "\(range.start.secondsSinceEpoch)", "\(range.end.secondsSinceEpoch)",
        ]
        if let uniqueID { parts.append(uniqueID) }
        return parts.joined(separator: "!") + (isCompressed ? ".json.gz" : ".json")
    }

    private static func time(_ digits: some StringProtocol) -> UTCTime? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(digits).map(UTCTime.init(secondsSinceEpoch:))
    }
}

private func isAlphanumeric(_ text: String) -> Bool {
    !text.isEmpty
        && text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        }
}
