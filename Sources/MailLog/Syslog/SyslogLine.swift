// SPDX-License-Identifier: Apache-2.0

/// One line of a log, split into what the syslog daemon or the journal wrote before the message, and the message.
///
/// These forms are known; the host is never left out:
///
///     Nov 23 20:43:22 vm postfix/smtp[1538]: …                        syslogd, Postfix's own log, journalctl
///     2026-11-23T20:43:20.861502+00:00 vm postfix/smtp[1538]: …       rsyslog, journalctl -o short-iso
///     Mon 2026-11-23 20:45:09 UTC vm postfix/smtp[1538]: …            journalctl -o short-full
///     1795466709.557591 vm postfix/smtp[1538]: …                      journalctl -o short-unix
///     <22>1 2026-11-23T20:43:20.808196+00:00 vm postfix 1535 - - …    RFC 5424
///
/// The tag is what follows the host and nothing else: a message that quotes a log line is still a message.
package struct SyslogLine {
    /// The time as written, read by ``SyslogClock``.
    package let stamp: SyslogOctets
    package let host: SyslogOctets
    /// The program as it calls itself, such as `postfix/relay/smtp`.
    package let tag: SyslogOctets
    private let number: SyslogOctets
    /// Host, tag and process number in one: what all lines of one process begin with.
    package let process: SyslogOctets
    package let message: SyslogOctets

    /// The process number.
    package var pid: Int? { number.number }

    /// - Parameter line: a line without its line feed.
    package init?(_ line: SyslogOctets) {
        var rest = line
        if rest[0] == UInt8(ascii: "<") {
            guard let end = rest.prefix(Self.maxPriorityOctets).index(of: UInt8(ascii: ">")) else { return nil }
            rest = rest.dropFirst(end + 1)
            if rest.skip("1 ") {
                self.init(structured: rest)
                return
            }
        }
        guard let length = Self.stampLength(rest) else { return nil }
        self.init(stamp: rest.prefix(length), rest.dropFirst(length + 1))
    }

    /// `<191>`.
    private static let maxPriorityOctets = 5

    /// What follows a time stamp: `vm postfix/smtp[1538]: message`.
    private init?(stamp: SyslogOctets, _ named: SyslogOctets) {
        guard let hostEnd = named.index(of: .blank), hostEnd > 0 else { return nil }
        let tagged = named.dropFirst(hostEnd + 1)
        let end = tagged.index(of: .blank) ?? tagged.count
        guard end > 1, tagged[end - 1] == .colon else { return nil }
        let name = tagged.prefix(end - 1)
        self.stamp = stamp
        host = named.prefix(hostEnd)
        message = tagged.dropFirst(end + 1)
        process = named.prefix(hostEnd + end)
        if name.last == UInt8(ascii: "]"), let bracket = name.index(of: UInt8(ascii: "[")) {
            tag = name.prefix(bracket)
            number = name.dropFirst(bracket + 1).dropLast(1)
        } else {
            tag = name
            number = name.prefix(0)
        }
    }

    /// What follows the version of an RFC 5424 line. - RFC 5424 §6: Syslog Message Format.
    private init?(structured line: SyslogOctets) {
        var rest = line
        guard let stamp = rest.take(until: .blank) else { return nil }
        let named = rest
        guard let host = rest.take(until: .blank), let tag = rest.take(until: .blank),
            let process = rest.take(until: .blank), rest.take(until: .blank) != nil,
            let data = Self.structuredDataLength(rest)
        else { return nil }
        self.stamp = stamp
        self.host = host
        self.tag = tag
        number = process
        self.process = named.prefix(host.count + 1 + tag.count + 1 + process.count)
        rest = rest.dropFirst(data + 1)
        // rsyslog keeps the blank that followed the tag.
        message = rest[0] == .blank ? rest.dropFirst(1) : rest
    }

    /// `-`, or elements in brackets whose quoted values may hold brackets. - RFC 5424 §6.3: STRUCTURED-DATA.
    private static func structuredDataLength(_ text: SyslogOctets) -> Int? {
        if text[0] == UInt8(ascii: "-") { return 1 }
        var position = 0
        var isQuoted = false
        while let octet = text[position] {
            switch octet {
            case UInt8(ascii: "\\") where isQuoted: position += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "]") where !isQuoted && text[position + 1] != UInt8(ascii: "["): return position + 1
            default: break
            }
            position += 1
        }
        return nil
    }

    /// Octets of the time stamp that `text` begins with, without the blank behind it.
    private static func stampLength(_ text: SyslogOctets) -> Int? {
        guard let first = text[0] else { return nil }
        if first.decimalDigit != nil { return text.index(of: .blank) }
        guard text[3] == .blank else { return nil }
        // "Nov 23 20:43:22 "
        if text[6] == .blank, text[9] == .colon, text[15] == .blank { return 15 }
        // "Mon 2026-11-23 20:45:09 UTC "
        guard text[8] == UInt8(ascii: "-"), text[14] == .blank, text[23] == .blank else { return nil }
        return text.dropFirst(24).index(of: .blank).map { 24 + $0 }
    }
}
