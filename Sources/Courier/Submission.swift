// SPDX-License-Identifier: Apache-2.0
import Basics

/// The way by which report mail enters the MTA.
package enum Submission: Sendable, Hashable {
    /// Where MTAs install the program.
    package static let usualSendmailPath = "/usr/sbin/sendmail"

    case sendmail(path: String)
    case smtp(host: ServerHost, port: UInt16)

    /// Reads `/usr/sbin/sendmail`, `smtp:HOST` or `smtp:HOST:PORT`; an IPv6 address stands in brackets.
    package init(_ text: String) throws(SubmissionError) {
        if text.hasPrefix("/") {
            guard !text.utf8.contains(0) else { throw SubmissionError(text: text) }
            self = .sendmail(path: text)
            return
        }
        let scheme = "smtp:"
        guard text.hasPrefix(scheme) else { throw SubmissionError(text: text) }
        let rest = text.dropFirst(scheme.count)
        let isBracketed = rest.hasPrefix("[")
        let host = isBracketed ? rest.dropFirst().prefix { $0 != "]" } : rest.prefix { $0 != ":" }
        let tail = rest.dropFirst(host.count + (isBracketed ? 2 : 0))
        guard let port = Self.port(tail), let host = Self.host(host, isBracketed: isBracketed) else {
            throw SubmissionError(text: text)
        }
        self = .smtp(host: host, port: port)
    }

    private static func host(_ text: Substring, isBracketed: Bool) -> ServerHost? {
        if let address = IPAddress(text) { return .address(address) }
        return isBracketed ? nil : (try? DomainName(text)).map(ServerHost.name)
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard let colon = text.first else { return 25 }
        let digits = text.dropFirst()
        guard colon == ":", digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt16(digits).flatMap { $0 > 0 ? $0 : nil }
    }
}

/// Why a text names no way into the MTA, and what to write.
package struct SubmissionError: Error, Sendable, Hashable, CustomStringConvertible {
    let text: String
    package var description: String {
        "'\(printable(text))' is no way into the MTA: write /usr/sbin/sendmail, smtp:HOST or smtp:HOST:PORT"
    }
}
