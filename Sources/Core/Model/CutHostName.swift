// SPDX-License-Identifier: Apache-2.0
import Basics

/// A host's name of which a log has the beginning and the end alone, as Sendmail writes those of 40 octets and more:
/// `longcompany-com.ma...ction.outlook.com`.
package struct CutHostName: Sendable, Hashable, CustomStringConvertible {
    private static let mark = "..."
    /// Octets of what is left of a name with its mark: Sendmail's shortenstring() to 40.
    private static let octets = 38...39

    private let head: String
    private let tail: String

    package var description: String { head + Self.mark + tail }

    /// - Parameter text: the name as it stands in the log, with or without the final dot.
    /// - Returns: nil if it is not cut.
    package init?(_ text: String) {
        // Most names have another length.
        guard (Self.octets.lowerBound...Self.octets.upperBound + 1).contains(text.utf8.count) else { return nil }
        let name = text.hasSuffix(".") ? text.dropLast() : text[...]
        guard Self.octets.contains(name.utf8.count), let mark = name.firstRange(of: Self.mark) else { return nil }
        (head, tail) = (name[..<mark.lowerBound].lowercased(), name[mark.upperBound...].lowercased())
    }

    /// Whether this is what is left of the name.
    package func matches(_ host: DomainName) -> Bool { matches(host.ascii) }

    /// - Parameter host: as a ``DomainName`` has it.
    package func matches(_ host: String) -> Bool {
        host.utf8.count >= Self.octets.upperBound && host.hasPrefix(head) && host.hasSuffix(tail)
    }
}
