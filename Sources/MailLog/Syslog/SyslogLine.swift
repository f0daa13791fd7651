// SPDX-License-Identifier: Apache-2.0

/// One line of a log, split into what the syslog daemon or the journal wrote before the message, and the message.
///
///     Nov 23 20:43:22 vm postfix/smtp[1538]: …                        syslogd, Postfix's own log, journalctl
///     2026-11-23T20:43:20.861502+00:00 vm postfix/smtp[1538]: …       rsyslog, journalctl -o short-iso
///
/// are what nearly all lines are. ``SyslogStamp`` has the other stamps, and `SyslogLine+Forms.swift` what else may stand
/// around them.
///
/// The tag is what follows the host and nothing else: a message that quotes a log line is still a message, unless it is a
/// container's.
package struct SyslogLine {
    /// The time as written, read by ``SyslogClock``.
    package let stamp: SyslogOctets
    /// Empty where the form has none.
    package let host: SyslogOctets
    /// The program as it calls itself, such as `postfix/relay/smtp`.
    package let tag: SyslogOctets
    let number: SyslogOctets
    /// Host, tag and process number in one: what all lines of one process begin with.
    package let process: SyslogOctets
    package let message: SyslogOctets
    /// Whether the line is one of RFC 5424: rsyslog cuts the tag of those at the first slash.
    package let isStructured: Bool

    /// The process number.
    package var pid: Int? { number.number }

    /// - Parameter line: a line without its line feed. What a container's host has logged is still its host's: see
    ///   ``contained``.
    package init?(_ line: SyslogOctets) {
        let line = line.last == .carriageReturn ? line.dropLast(1) : line
        if let length = SyslogStamp.length(line),
            let usual = SyslogLine(stamp: line.prefix(length), line.dropFirst(length + 1))
        {
            self = usual
        } else if let other = Self.reading(line, stamp: nil, layers: Self.maxLayers) {
            self = other
        } else {
            return nil
        }
    }

    /// What follows a time stamp: `vm postfix/smtp[1538]: message`.
    init?(stamp: SyslogOctets, _ named: SyslogOctets) {
        guard let hostEnd = named.index(of: .blank), hostEnd > 0 else { return nil }
        let hasHost = named[hostEnd - 1] != .colon || named[hostEnd - 2] != UInt8(ascii: "]")
        self.init(
            stamp: stamp, host: named.prefix(hasHost ? hostEnd : 0),
            tagged: hasHost ? named.dropFirst(hostEnd + 1) : named, of: named)
    }

    /// What follows the host: `postfix/smtp[1538]: message`.
    /// - Parameter named: what begins with the name of the process, and goes on with `tagged`.
    @inline(__always)  // each line of a log comes through here, and a copy of it costs as much as the work
    init?(stamp: SyslogOctets, host: SyslogOctets, tagged: SyslogOctets, of named: SyslogOctets) {
        let end = tagged.index(of: .blank) ?? tagged.count
        guard end > 1, tagged[end - 1] == .colon else { return nil }
        let name = tagged.prefix(end - 1)
        self.stamp = stamp
        self.host = host
        message = Self.withoutMark(tagged.dropFirst(end + 1))
        process = named.prefix(named.count - tagged.count + end - 1)
        isStructured = false
        if name.last == UInt8(ascii: "]"), let bracket = name.index(of: UInt8(ascii: "[")) {
            tag = name.prefix(bracket)
            number = name.dropFirst(bracket + 1).dropLast(1)
        } else {
            tag = name
            number = name.prefix(0)
        }
    }

    /// What follows the version of an RFC 5424 line. - RFC 5424 §6: Syslog Message Format.
    init?(structured line: SyslogOctets, stamp outer: SyslogOctets?) {
        var rest = line
        guard let stamp = rest.take(until: .blank) else { return nil }
        let named = rest
        guard let host = rest.take(until: .blank), let tag = rest.take(until: .blank),
            let process = rest.take(until: .blank), rest.take(until: .blank) != nil,
            let data = Self.structuredDataLength(rest)
        else { return nil }
        self.stamp = outer ?? stamp
        self.host = host
        self.tag = tag
        number = process
        self.process = named.prefix(host.count + 1 + tag.count + 1 + process.count)
        isStructured = true
        rest = rest.dropFirst(data + 1)
        // rsyslog keeps the blank that followed the tag.
        if rest[0] == .blank { rest = rest.dropFirst(1) }
        // - RFC 5424 §6.4: MSG.
        _ = rest.skip(.byteOrderMark)
        message = rest
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

    /// Solaris and illumos begin a message with `[ID 197553 mail.info] `.
    private static func withoutMark(_ message: SyslogOctets) -> SyslogOctets {
        guard message[0] == UInt8(ascii: "["), message.hasPrefix("[ID "),
            let end = message.prefix(maxMarkOctets).index(of: UInt8(ascii: "]"))
        else {
            return message
        }
        return message.dropFirst(end + 2)
    }

    private static let maxMarkOctets = 40
}
