// SPDX-License-Identifier: Apache-2.0
import Names

/// A mail address, safe in a header, a command and an argument: a dot-atom, `@` and a domain in A-labels.
package struct Mailbox: Sendable, Hashable, CustomStringConvertible {
    /// - RFC 5321 §4.5.3.1.1: Local-part.
    private static let maxLocalPartOctets = 64
    /// - RFC 5322 §3.2.3: Atom.
    static let atext = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~".utf8)

    package let localPart: String
    package let domain: DomainName

    package var description: String { "\(localPart)@\(domain)" }

    package init?(_ text: some StringProtocol) {
        guard let at = text.lastIndex(of: "@"), let domain = try? DomainName(text[text.index(after: at)...]) else {
            return nil
        }
        self.init(localPart: String(text[..<at]), domain: domain)
    }

    init?(localPart: String, domain: DomainName) {
        let atoms = localPart.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard localPart.utf8.count <= Self.maxLocalPartOctets,
            atoms.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.atext.contains) })
        else { return nil }
        self.localPart = localPart
        self.domain = domain
    }
}
