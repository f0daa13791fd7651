// SPDX-License-Identifier: Apache-2.0

// What may stand around the usual header of a line:
//
//     <22>Nov 23 20:43:22 vm postfix/smtp[1538]: …                              the priority of RFC 3164
//     <22>1 2026-11-23T20:43:20.808196+00:00 vm postfix 1535 - - …              RFC 5424, also without the priority
//     Nov 23 20:43:22 vm mail.info postfix/smtp[1538]: …                        BusyBox; AIX: mail:info
//     Nov 23 20:43:22 <mail.info> vm postfix/smtp[1538]: …                      FreeBSD's syslogd -v; <2.6>
//     Nov 23 20:43:22 postfix/smtp[1538]: …                                     no host
//     postfix-1  | Nov 23 20:43:22 vm postfix/smtp[1538]: …                     docker compose logs, in colours too
//     2026-11-23T20:43:22.861502Z Nov 23 20:43:22 vm postfix/smtp[1538]: …      docker logs -t
//     2026-11-23T20:43:22.861502Z stdout F Nov 23 20:43:22 vm postfix/smtp[1538]: …     containerd, CRI-O
//     2026-11-23T20:43:22+00:00 vm postfix[868]: Nov 23 20:43:22 4387585e3a11 postfix/smtp[531]: …     Docker by syslog
//
// Each of them takes a piece off the front, and what is left is read again, a few times at most. The time is the outermost
// stamp's: it is the host's, where a container may have another zone.

extension SyslogLine {
    /// Most headers of one line, one around the other.
    static let maxLayers = 4
    /// Longest name of a container before ` | `, with its colours, in octets.
    private static let maxContainerOctets = 100

    /// Reads a line of any form.
    /// - Parameter outer: the time, if an outer header has one.
    static func reading(_ line: SyslogOctets, stamp outer: SyslogOctets?, layers: Int) -> SyslogLine? {
        guard layers > 0 else { return nil }
        var rest = line
        skipWrapping(&rest)
        if isStructured(rest) {
            return SyslogLine(structured: rest.dropFirst(2), stamp: outer)
        }
        guard let length = SyslogStamp.length(rest) else { return nil }
        let stamp = outer ?? rest.prefix(length)
        let named = rest.dropFirst(length + 1)
        return SyslogLine(stamp: stamp, named) ?? SyslogLine(stamp: stamp, leveled: named)
            ?? reading(named, stamp: stamp, layers: layers - 1)
    }

    /// The line of a program in a container, which its host has logged as a message; nil for any other message.
    package var contained: SyslogLine? {
        guard SyslogStamp.mayBegin(message), Self.isContainer(tag) else { return nil }
        var line = Self.reading(message, stamp: stamp, layers: Self.maxLayers)
        // A host that logs for another host, a few times at most.
        for _ in 0..<Self.maxLayers {
            guard let outer = line, SyslogStamp.mayBegin(outer.message), Self.isContainer(outer.tag) else { break }
            line = Self.reading(outer.message, stamp: stamp, layers: Self.maxLayers)
        }
        return line
    }

    /// What follows a stamp where the level of the line stands before or behind the host.
    private init?(stamp: SyslogOctets, leveled named: SyslogOctets) {
        var rest = named
        guard let first = rest.take(until: .blank) else { return nil }
        if Self.isLevel(first) {
            self.init(stamp: stamp, rest)
        } else if let second = rest.take(until: .blank), Self.isLevel(second) {
            // One process logs at several levels, so that the host, which stands before the level, is no part of its name.
            self.init(stamp: stamp, host: first, tagged: rest, of: rest)
        } else {
            return nil
        }
    }

    /// `mail.info`, `mail:info`, `<mail.info>`, `<2.6>`
    private static func isLevel(_ word: SyslogOctets) -> Bool {
        let isBracketed = word[0] == UInt8(ascii: "<") && word.last == UInt8(ascii: ">")
        let name = isBracketed ? word.dropFirst(1).dropLast(1) : word
        guard let mark = name.index(of: UInt8(ascii: ".")) ?? name.index(of: .colon) else { return false }
        let facility = name.prefix(mark)
        let level = name.dropFirst(mark + 1)
        if isBracketed, facility.number != nil, level.number != nil { return true }
        return levels.contains { level.equals($0) } && !facility.isEmpty && facility.allSatisfy(\.isLetterOrDigit)
    }

    /// - RFC 5424 §6.2.1: PRI; the names are those of syslog.h.
    private static let levels: [StaticString] = [
        "emerg", "panic", "alert", "crit", "err", "error", "warning", "warn", "notice", "info", "debug",
    ]

    // MARK: Before the stamp

    private static func skipWrapping(_ rest: inout SyslogOctets) {
        _ = rest.skip(.byteOrderMark)
        skipContainer(&rest)
        if !rest.skip("stdout F ") { _ = rest.skip("stderr F ") }
        // "<191>"
        if rest[0] == UInt8(ascii: "<"), let end = rest.prefix(5).index(of: UInt8(ascii: ">")),
            rest.prefix(end).dropFirst(1).number != nil
        {
            rest = rest.dropFirst(end + 1)
        }
    }

    /// `postfix-1  | `
    private static func skipContainer(_ rest: inout SyslogOctets) {
        guard let bar = rest.prefix(maxContainerOctets).index(of: UInt8(ascii: "|")) else { return }
        var name = rest.prefix(bar)
        skipColours(&name)
        guard let end = name.index(of: .blank), end > 0, name.prefix(end).allSatisfy(\.isContainerName),
            name.dropFirst(end).allSatisfy({ $0 == .blank })
        else { return }
        var text = rest.dropFirst(bar + 1)
        skipColours(&text)
        if text.skip(" ") { rest = text }
    }

    /// `ESC [ 3 6 m`
    private static func skipColours(_ rest: inout SyslogOctets) {
        while rest.hasPrefix("\u{1B}["), let end = rest.prefix(12).index(of: UInt8(ascii: "m")) {
            rest = rest.dropFirst(end + 1)
        }
    }

    /// `1 2026-`: the version, and the only kind of stamp that goes with it.
    private static func isStructured(_ text: SyslogOctets) -> Bool {
        text.hasPrefix("1 ") && text[6] == UInt8(ascii: "-") && text[2]?.decimalDigit != nil
    }

    // MARK: Containers

    /// Words in the tags under which messages of containers are logged.
    private static let containerWords: [StaticString] = [
        "postfix", "sendmail", "docker", "podman", "container", "mailserver",
    ]

    /// Whether a tag is a container's: its id, which Docker takes by default, or a name that tells.
    ///
    /// Not any tag: programs log what strangers say, and that may look like a line of a log.
    private static func isContainer(_ tag: SyslogOctets) -> Bool {
        let name = tag.lastIndex(of: UInt8(ascii: "/")).map { tag.dropFirst($0 + 1) } ?? tag
        if (12...64).contains(name.count), name.allSatisfy(\.isHexDigit) { return true }
        // "postfix/smtpd" is Postfix itself.
        guard name.count == tag.count || tag.hasPrefix("docker/") else { return false }
        return containerWords.contains { tag.index(of: $0) != nil }
    }
}

extension StaticString {
    /// U+FEFF in UTF-8.
    static var byteOrderMark: StaticString { "\u{FEFF}" }
}

extension UInt8 {
    static let carriageReturn = UInt8(ascii: "\r")

    fileprivate var isHexDigit: Bool { decimalDigit != nil || (self >= 0x61 && self <= 0x66) }
    fileprivate var isContainerName: Bool {
        isLetterOrDigit || self == UInt8(ascii: "-") || self == UInt8(ascii: "_") || self == UInt8(ascii: ".")
    }
}
