// SPDX-License-Identifier: Apache-2.0

extension SyslogOctets {
    /// Octets of a line in which its header ends.
    private static let maxHeaderOctets = 400

    /// Whether a line in one of the two usual forms is that of a program of Postfix that tells of no session: most of a
    /// log. False for what is not certain, so that the line is read.
    ///
    ///     Nov 23 20:43:22 vm postfix/qmgr[1538]: …
    ///     2026-11-23T20:43:20.861502+00:00 vm postfix/qmgr[1538]: …
    var isOfOtherPostfixProgram: Bool {
        guard let stamp = usualStampLength else { return false }
        // Octet by octet: the parts are so short that a call to look for their ends costs more.
        let header = prefix(Self.maxHeaderOctets)
        let host = stamp + 1
        var place = header.blank(from: host)
        // A "host" with a colon is a tag.
        guard place > host, header[place - 1] != .colon, header.eight(at: place + 1) == Self.postfix else {
            return false
        }
        let name = place + 9
        place = name
        // Only letters, a number in brackets, a colon and a blank: the tag ends where it seems to.
        while let octet = header[place], octet &- 0x61 < 26 { place += 1 }
        guard header[place] == UInt8(ascii: "[") else { return false }
        switch place - name {
        case 4 where header.dropFirst(name).hasPrefix("smtp"): return false
        case 8 where header.dropFirst(name).hasPrefix("tlsproxy"): return false
        default: break
        }
        place += 1
        while let octet = header[place], octet &- 0x30 < 10 { place += 1 }
        return header[place] == UInt8(ascii: "]") && header[place + 1] == .colon && header[place + 2] == .blank
    }

    /// `postfix/`, as ``eight(at:)`` reads it.
    private static let postfix: UInt64 = 0x2F78_6966_7473_6F70

    private var usualStampLength: Int? {
        guard count > 20, let first = self[0] else { return nil }
        if first > UInt8(ascii: "9") {
            return self[3] == .blank && self[6] == .blank && self[9] == .colon && self[15] == .blank ? 15 : nil
        }
        let hasDate = self[4] == UInt8(ascii: "-") && self[10] == UInt8(ascii: "T") && first.decimalDigit != nil
        return hasDate ? prefix(Self.maxHeaderOctets).index(of: .blank) : nil
    }
}
