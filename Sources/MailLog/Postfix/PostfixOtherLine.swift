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
        let header = prefix(Self.maxHeaderOctets)
        let host = stamp + 1
        let tag = header.near(.blank, from: host) + 1
        // A "host" with a colon is a tag.
        guard tag > host + 1, header[tag - 2] != .colon, header.eight(at: tag) == Self.postfix else { return false }
        // The tag ends at its first bracket, and the name of the process at the first blank.
        let bracket = header.near(UInt8(ascii: "["), from: tag + 8)
        let end = header.near(.blank, from: tag + 8)
        guard bracket < end, header[end] == .blank, header[end - 1] == .colon, header[end - 2] == UInt8(ascii: "]"),
            let last = header.eight(at: bracket - 8)
        else { return false }
        return last >> 24 != Self.smtp && !(last == Self.tlsproxy && header[bracket - 9] == UInt8(ascii: "/"))
    }

    /// `postfix/`, as ``eight(at:)`` reads it.
    private static let postfix: UInt64 = 0x2F78_6966_7473_6F70
    /// `/smtp`, the upper five octets of such a number.
    private static let smtp: UInt64 = 0x70_746D_732F
    private static let tlsproxy: UInt64 = 0x7978_6F72_7073_6C74

    private var usualStampLength: Int? {
        guard count > 20, let first = self[0] else { return nil }
        if first > UInt8(ascii: "9") {
            return self[3] == .blank && self[6] == .blank && self[9] == .colon && self[15] == .blank ? 15 : nil
        }
        let hasDate = self[4] == UInt8(ascii: "-") && self[10] == UInt8(ascii: "T") && first.decimalDigit != nil
        return hasDate ? prefix(Self.maxHeaderOctets).index(of: .blank) : nil
    }
}
