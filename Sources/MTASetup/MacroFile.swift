// SPDX-License-Identifier: Apache-2.0

/// The text of a sendmail.mc, to which setup adds lines of its own between two marks, before the mailers.
///
/// A line of the file that says the same thing otherwise is turned into a remark, since two filters of one name or two
/// features for one map are an error.
struct MacroFile: Sendable {
    private static let begin =
        "dnl # Lines of \"sts-milter setup sendmail\", down to \"end\"; with --undo it takes them away again."
    private static let end = "dnl # end of the lines of sts-milter setup"
    private static let off = "dnl # off by sts-milter setup: "
    /// From which lines on none of ours may follow.
    private static let ends = [
        "MAILER(", "MAILER_DEFINITIONS", "LOCAL_CONFIG", "LOCAL_RULE", "LOCAL_NET_CONFIG", "LOCAL_USER",
    ]

    private var lines: [String]

    init(_ text: String) { lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }

    var text: String { lines.joined(separator: "\n") }

    /// The folder of Sendmail's macros as the file includes it; nil if it names none.
    var macroFolder: String? {
        for line in lines {
            guard let start = line.firstRange(of: "include(`"), let end = line.firstRange(of: "/m4/cf.m4'") else {
                continue
            }
            return String(line[start.upperBound..<end.lowerBound])
        }
        return nil
    }

    /// Puts a line among ours, in place of the one of ours that says the same thing.
    mutating func set(_ line: String) throws(SetupError) {
        var subjects = [Self.subject(line)]
        // FEATURE(`sts_milter') takes the place of FEATURE(`sts').
        if subjects == ["FEATURE(sts_milter"] { subjects.append("FEATURE(sts") }
        var own = try ownLines()
        for index in lines.indices where !own.contains(index) && subjects.contains(Self.subject(lines[index])) {
            guard lines[index].count(where: { $0 == "(" }) == lines[index].count(where: { $0 == ")" }) else {
                throw SetupError(
                    "sendmail.mc, line \(index + 1): take this statement out yourself, it has more lines than one: \(lines[index])"
                )
            }
            lines[index] = Self.off + lines[index]
        }
        if own.isEmpty {
            guard let place = lines.firstIndex(where: { line in Self.ends.contains { line.trimmed.hasPrefix($0) } })
            else {
                throw SetupError("sendmail.mc has no MAILER line, before which the lines of sts-milter belong")
            }
            lines.insert(contentsOf: [Self.begin, Self.end], at: place)
            own = place..<(place + 2)
        }
        if let given = own.first(where: { Self.subject(lines[$0]) == subjects[0] }) {
            lines[given] = line
        } else {
            lines.insert(line, at: own.upperBound - 1)
        }
    }

    /// The marks and what is between them; empty if there are none.
    private func ownLines() throws(SetupError) -> Range<Int> {
        guard let begin = lines.firstIndex(of: Self.begin) else { return 0..<0 }
        guard let end = lines[begin...].firstIndex(of: Self.end) else {
            throw SetupError(
                "sendmail.mc, line \(begin + 1): the mark of the end is gone: put it back below: \(Self.end)")
        }
        return begin..<(end + 1)
    }

    /// What a line is about, without quotes and blanks: `define(confCACERT`, `FEATURE(sts_milter`; empty for a remark.
    private static func subject(_ line: String) -> String {
        let bare = line.filter { $0 != "`" && $0 != "'" && !$0.isWhitespace }
        guard !bare.hasPrefix("dnl"), !bare.hasPrefix("#"), bare.contains("(" as Character) else { return "" }
        return String(bare.prefix { $0 != "," && $0 != ")" })
    }
}

extension String {
    fileprivate var trimmed: Substring { drop(while: \.isWhitespace) }
}
