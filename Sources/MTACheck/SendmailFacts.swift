// SPDX-License-Identifier: Apache-2.0
import TLS

/// What a sendmail.cf says.
package struct SendmailFacts: Sendable {
    /// An `X` line: a milter.
    package struct Filter: Sendable, Hashable {
        package let name: String
        /// Equates such as `S`, `F` and `T`.
        package let equates: [String: String]

        /// The time of one letter in `T=C:5m;S:10s;R:10s;E:5m`, as written.
        func time(_ letter: String) -> String? {
            for part in (equates["T"] ?? "").split(whereSeparator: { $0 == ";" || $0.isWhitespace }) {
                let pair = part.split(separator: ":", maxSplits: 1)
                if pair.count == 2, pair[0] == letter { return String(pair[1]) }
            }
            return nil
        }
    }

    /// A `K` line whose class is `socket`.
    package struct SocketMap: Sendable, Hashable {
        package let name: String
        /// Flags with their values, such as `-d5` and `-T<TMPF>`.
        package let flags: [String]
        /// `inet:5461@127.0.0.1` or `local:/path`.
        package let socket: String
    }

    package var file = "/etc/mail/sendmail.cf"
    /// The macro `Z`: `8.17.1.9/Debian-...`.
    package var versionText: String?
    /// The macro `j`, the machine's full name; empty where Sendmail finds it out itself.
    package var domainName = ""
    package var options: [String: String] = [:]
    package var filters: [Filter] = []
    /// `InputMailFilters` of a `DaemonPortOptions` line, which count there in place of the general ones.
    package var daemonFilters: [(daemon: String, filters: [String])] = []
    package var socketMaps: [SocketMap] = []
    /// What is known of the files and folders of trusted authorities, by their paths.
    package var authorities: [String: AuthorityFinding] = [:]
    /// What the program was built with, such as `SOCKETMAP` and `_FFR_MTA_STS`; nil where it was not asked.
    package var features: Set<String>?
    /// The machine's full name and its domain as the program finds them, `$j` and `$m`; empty where it was not asked.
    package var hostName = ""
    package var hostDomain = ""
    /// The macro `S`: where all mail goes that is not for this machine; empty for none.
    package var smartHost = ""
    /// The rules, without blanks, of the ruleset that compares the names of a certificate with the host's.
    package var certificateNameRules: [String] = []

    /// Its name in FEATURE(`sts') and in ours.
    static let certificateNameRuleset = "STS_SAN"

    package init() {}

    /// Reads the text of a sendmail.cf.
    package init(text: String, file: String) {
        self.file = file
        read(text)
    }

    /// Reads more lines, as if they stood at the end of the file.
    package mutating func read(_ text: String) {
        var ruleset = ""
        for line in Self.lines(text) {
            switch line.first {
            case "S": ruleset = String(line.dropFirst().prefix { $0 != "=" && !$0.isWhitespace })
            case "R" where ruleset == Self.certificateNameRuleset:
                certificateNameRules.append(line.filter { !$0.isWhitespace })
            case "D" where line.hasPrefix("DZ"): versionText = trimmed(line.dropFirst(2))
            case "D" where line.hasPrefix("DS"): smartHost = trimmed(line.dropFirst(2))
            case "D" where line.hasPrefix("Dj"): domainName = trimmed(line.dropFirst(2))
            case "O": readOption(line.dropFirst())
            case "X": readFilter(line.dropFirst())
            case "K": readMap(line.dropFirst())
            default: continue
            }
        }
    }

    /// Names in force of the filters that every daemon asks unless it has its own.
    package var inputFilters: [String] { Self.names(options["inputmailfilters"] ?? "") }

    package subscript(option: String) -> String { options[option.lowercased()] ?? "" }

    func isTrue(_ option: String) -> Bool { ["true", "t", "yes", "y"].contains(self[option].lowercased()) }

    /// `8.17` as (8, 17); nil if it cannot be told.
    package var version: (major: Int, minor: Int)? {
        let parts = (versionText ?? "").split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return parts.count == 2 ? (parts[0], parts[1]) : nil
    }

    /// Lines with their continuations, without comments.
    private static func lines(_ text: String) -> [String] {
        var lines: [String] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if let first = line.first, first.isWhitespace, !lines.isEmpty {
                lines[lines.count - 1] += line
            } else {
                lines.append(String(line))
            }
        }
        return lines
    }

    private static func names(_ text: String) -> [String] {
        text.split { $0 == "," || $0 == ";" || $0.isWhitespace }.map(String.init)
    }

    private mutating func readOption(_ line: Substring) {
        guard let equals = line.firstIndex(of: "=") else { return }
        let name = trimmed(line[..<equals]).lowercased()
        let value = trimmed(line[line.index(after: equals)...])
        options[name] = value
        guard name == "daemonportoptions" else { return }
        let equates = Self.equates(value[...])
        if let filters = equates["I"] {
            daemonFilters.append((equates["N"] ?? equates["P"] ?? "", Self.names(filters)))
        }
    }

    private mutating func readFilter(_ line: Substring) {
        let name = line.prefix { $0 != "," && !$0.isWhitespace }
        guard let comma = line.firstIndex(of: ","), !name.isEmpty else { return }
        filters.append(Filter(name: String(name), equates: Self.equates(line[line.index(after: comma)...])))
    }

    /// `Name=MTA, S=inet:8890@127.0.0.1`: only the first letter of a name counts.
    private static func equates(_ text: Substring) -> [String: String] {
        var equates: [String: String] = [:]
        for part in text.split(separator: ",") {
            guard let equals = part.firstIndex(of: "="), let letter = trimmed(part[..<equals]).first else { continue }
            equates[letter.uppercased()] = trimmed(part[part.index(after: equals)...])
        }
        return equates
    }

    private mutating func readMap(_ line: Substring) {
        let fields = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard fields.count >= 3, fields[1] == "socket", let socket = fields.last else { return }
        socketMaps.append(SocketMap(name: fields[0], flags: Array(fields[2..<(fields.count - 1)]), socket: socket))
    }
}

/// A Sendmail time such as `10s`, `5m` or `1h30m`; a bare number counts in `unit`; nil for anything else.
func sendmailTime(_ text: String, unit: Int64 = 1) -> Duration? {
    let factors: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
    var total: Int64 = 0
    var digits = ""
    for character in text {
        if character.isASCII, character.isNumber, digits.count < 9 {
            digits.append(character)
        } else if let factor = factors[character], let number = Int64(digits) {
            total += number * factor
            digits = ""
        } else {
            return nil
        }
    }
    if let number = Int64(digits) { total += number * unit }
    return text.isEmpty ? nil : .seconds(total)
}
