// SPDX-License-Identifier: Apache-2.0

/// A mail address, safe in a header, a command and an argument: a dot-atom, `@` and a domain in A-labels.
package struct Mailbox: Sendable, Hashable, CustomStringConvertible {
    /// - RFC 5321 §4.5.3.1.1: Local-part.
    private static let maxLocalPartOctets = 64
    /// What an atom is made of. - RFC 5322 §3.2.3: Atom.
    package static let atext = Set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~".utf8)

    package let localPart: String
    package let domain: DomainName

    package var description: String { "\(localPart)@\(domain)" }

    /// - Returns: nil if the text is not such an address.
    package init?(_ text: some StringProtocol) {
        guard let at = text.lastIndex(of: "@"), let domain = try? DomainName(text[text.index(after: at)...]) else {
            return nil
        }
        let localPart = text[..<at]
        let atoms = localPart.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard localPart.utf8.count <= Self.maxLocalPartOctets,
            atoms.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.atext.contains) })
        else { return nil }
        self.localPart = String(localPart)
        self.domain = domain
    }
}
