// SPDX-License-Identifier: Apache-2.0
import Basics

/// The address of a MAIL or RCPT command as a milter gets it: `<local@domain>` from SMTP, bare from sendmail(1).
package struct EnvelopeAddress: Sendable, Hashable {
    /// Octets of a command that are looked at; no SMTP command is longer. - RFC 5321 §4.5.3.1.4: Command Line.
    private static let maxOctets = 1024

    /// The local part as written, quotes included: private, for debugging only, and not safe to print.
    package let local: String
    /// Nil for an address literal, for no domain, and for what is not a domain name; underscores are taken, as MTAs do.
    package let domain: DomainName?

    package init(local: String, domain: DomainName?) {
        self.local = local
        self.domain = domain
    }

    /// Reads what an MTA gives; never fails, since what cannot be read has no domain.
    package init(_ text: String) {
        var text = text
        self = text.withUTF8 { Self(octets: UnsafeRawBufferPointer($0)) }
    }

    /// Whether octets that are an address may be read as this one: only then they need be read.
    func mayBe(_ octets: UnsafeRawBufferPointer) -> Bool {
        let start = octets.first == UInt8(ascii: "<") ? 1 : 0
        return octets.dropFirst(start).starts(with: local.utf8)
    }

    /// Reads what an MTA gives, without a text of all of it.
    init(octets bytes: UnsafeRawBufferPointer) {
        let isBracketed = bytes.first == UInt8(ascii: "<")
        let start = isBracketed ? 1 : 0
        var end = min(bytes.count, Self.maxOctets)
        var at: Int?
        var isQuoted = false
        var index = start
        // The last @ outside quotes: source routes and quoted local parts hold others. - RFC 5321 §4.1.2: Command Argument Syntax.
        scan: while index < end {
            switch bytes[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "@") where !isQuoted: at = index
            case UInt8(ascii: ">") where !isQuoted && isBracketed:
                end = index
                break scan
            default: break
            }
            index += 1
        }
        guard let at, !isQuoted else {
            local = String(decoding: bytes[start..<end], as: UTF8.self)
            domain = nil
            return
        }
        local = String(decoding: bytes[start..<at], as: UTF8.self)
        domain = try? DomainName(host: String(decoding: bytes[(at + 1)..<end], as: UTF8.self))
    }
}
