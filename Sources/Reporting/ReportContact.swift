// SPDX-License-Identifier: Apache-2.0
import Names

/// The mail address of a report's `contact-info`. - RFC 8460 §4.4: JSON Report Schema.
package struct ReportContact: Sendable, Hashable, CustomStringConvertible {
    /// The address, a dot-atom and a domain in A-labels.
    package let description: String
    /// The submitter: it stands in the file name and in `TLS-Report-Submitter`. - RFC 8460 §5.3: Email Transport.
    package let domain: DomainName

    /// Octets of a local part. - RFC 5321 §4.5.3.1.1: Local-part.
    private static let maxLocalPartOctets = 64

    /// - Returns: nil if the text is not such an address.
    package init?(_ text: String) {
        guard let at = text.lastIndex(of: "@"), let domain = try? DomainName(text[text.index(after: at)...]) else {
            return nil
        }
        let atext = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~".utf8)
        let localPart = text[..<at]
        let atoms = localPart.split(separator: ".", omittingEmptySubsequences: false)
        guard localPart.utf8.count <= Self.maxLocalPartOctets,
            atoms.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(atext.contains) })
        else { return nil }
        self.domain = domain
        description = "\(localPart)@\(domain)"
    }
}
