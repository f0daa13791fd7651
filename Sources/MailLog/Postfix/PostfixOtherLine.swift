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
        let named = prefix(Self.maxHeaderOctets).dropFirst(stamp + 1)
        // A "host" with a colon is a tag.
        guard let host = named.index(of: .blank), host > 0, named[host - 1] != .colon else { return false }
        let tag = named.dropFirst(host + 1)
        guard tag.hasPrefix("postfix/"), !tag.hasPrefix("postfix/smtp["), !tag.hasPrefix("postfix/tlsproxy[") else {
            return false
        }
        // Only letters, a number in brackets, a colon and a blank: the tag ends where it seems to.
        var place = "postfix/".utf8.count
        while let octet = tag[place], octet &- 0x61 < 26 { place += 1 }
        guard tag[place] == UInt8(ascii: "[") else { return false }
        place += 1
        while let octet = tag[place], octet.decimalDigit != nil { place += 1 }
        return tag.dropFirst(place).hasPrefix("]: ")
    }

    private var usualStampLength: Int? {
        guard count > 20, let first = self[0] else { return nil }
        if first > UInt8(ascii: "9") {
            return self[3] == .blank && self[6] == .blank && self[9] == .colon && self[15] == .blank ? 15 : nil
        }
        let hasDate = self[4] == UInt8(ascii: "-") && self[10] == UInt8(ascii: "T") && first.decimalDigit != nil
        return hasDate ? prefix(Self.maxHeaderOctets).index(of: .blank) : nil
    }
}
