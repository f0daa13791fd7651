// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import MTACheck
import TLS
import Testing

@Suite("What a Sendmail lacks is named, with the line to add")
struct SendmailRuleTests {
    private static let whole = """
        # a comment
        DZ8.17.1.9/Debian-2+deb12u2
        O DaemonPortOptions=Name=MTA, Family=inet
        O InputMailFilters=sts-milter
        O CACertFile=/etc/ssl/certs/ca-certificates.crt
        O StrictTransportSecurity=true
        O DANE=true
        Ksts socket -d5 -T<TMPF> inet:8461@127.0.0.1
        Xsts-milter, S=inet:8890@127.0.0.1, F=T, T=C:5m;S:10s;R:10s;E:5m
        SSTS_SAN
        SSTS_Check
        R$*\t\t$: $1 * . $2
        SSTS_SAN
        R$={cert_altnames}\t$@ ok
        R$- . $- . $+\t\t$: * . $2 . $3
        R$={cert_altnames}\t$@ ok

        """

    struct Row: Sendable, CustomTestStringConvertible {
        let old: String
        let new: String
        let expected: [String]
        let settings: ExpectedConfiguration
        var testDescription: String { "\(old) becomes \(new)" }

        init(
            _ old: String, _ new: String, _ expected: [String],
            _ change: (inout ExpectedConfiguration) -> Void = { _ in }
        ) {
            (self.old, self.new, self.expected) = (old, new, expected)
            settings = configured(change)
        }
    }

    static let ours = try? DomainName("mta.example.org")
    static let rows: [Row] = [
        Row("", "", []),
        Row("Xsts-milter", "#", ["problem milter-missing"]),
        Row("inet:8890@", "inet:8891@", ["problem milter-socket"]),
        Row("inet:8890@127.0.0.1", "inet:8890@localhost", []),
        Row("inet:8890@127.0.0.1", "local:/run/sts-milter/milter.sock", []) {
            $0.milterSocket = .unix(path: "/run/sts-milter/milter.sock")
        },
        Row("InputMailFilters=sts-milter", "InputMailFilters=clamav", ["problem milter-unused"]),
        Row("Family=inet\n", "Family=inet, InputMailFilters=clamav\n", ["advice milter-daemon"]),
        Row("R:10s", "R:2s", ["problem milter-timeout"]),
        Row(", T=C:5m;S:10s;R:10s;E:5m", "", []),
        Row(", T=C:5m;S:10s;R:10s;E:5m", "", ["problem milter-timeout"]) { $0.waitLimit = .seconds(12) },
        Row("F=T, ", "", ["advice milter-failure"]),
        Row("F=T, ", "F=R, ", ["problem milter-failure"]),
        Row("DZ8.17.1.9", "DZ8.13.8", ["problem milter-macros"]),
        Row(
            "DZ8.17.1.9", "O Milter.macros.envrcpt={rcpt_mailer}, {rcpt_host}, {rcpt_addr}\nDZ8.13.8", []),
        Row("Ksts socket", "Ksts hash", ["problem map-missing"]),
        Row("Ksts", "Kother", ["problem map-name"]),
        Row("Ksts", "Kpostfix-tlsrpt", ["problem map-form"]),
        Row("inet:8461@127.0.0.1", "inet:5461@127.0.0.1", ["problem map-missing"]),
        Row("inet:8461@127.0.0.1", "inet:5461@127.0.0.1", ["advice map-unused"]) { $0.enforcement = .milter },
        Row("", "", ["problem enforcement"]) { $0.enforcement = .milter },
        Row("inet:8461@127.0.0.1", "inet:5461@127.0.0.1", ["problem map-missing"]) { $0.enforcement = .auto },
        Row("", "", []) { $0.enforcement = .auto },
        Row("Ksts", "#", []) {
            $0.enforcement = .auto
            $0.mapSocket = nil
        },
        Row("", "", ["advice map-other"]) { $0.mapSocket = nil },
        Row("Ksts", "#", ["problem map-unserved"]) { $0.mapSocket = nil },
        Row("O Strict", "#", ["problem map-option"]),
        Row("$: * . $2 . $3", "$: $2 . $3", ["problem map-wildcards"]),
        Row("R$={cert_altnames}", "R$={other}", ["problem map-names"]),
        Row("SSTS_SAN", "SSTS_SANS", ["problem map-names"]),
        Row("O DANE=true", "O DANE=true\nO ConnectionCacheSize=1", []),
        Row("O DANE=true", "O DANE=true\nO ConnectionCacheSize=2", ["problem map-connections"]),
        Row("-T<TMPF> ", "", ["problem map-failure"]),
        Row("DZ8", "DS[relay.example]\nDZ8", ["problem map-smart-host"]),
        // Without the map nothing is missing there; with a program that knows none neither.
        Row("Ksts socket", "DS[relay.example]\nKsts hash", ["problem map-missing"]),
        Row("Ksts socket", "DS[relay.example]\nKsts hash", ["advice map-unused"]) { $0.enforcement = .auto },
        Row("DZ8.17", "DZ8.15", []),
        Row("Ksts socket", "DZ8.15.2\nKsts hash", ["advice map-unused"]) { $0.enforcement = .auto },
        Row("DZ8", "Djmta.example.net\nDZ8", ["advice helo-name"]) { $0.heloName = ours },
        Row("DZ8", "DjMTA.example.org\nDZ8", []) { $0.heloName = ours },
        Row("DZ8", "Dj$w.example.net\nDZ8", []) { $0.heloName = ours },
        Row("DZ8", "O HeloName=mta.example.org\nDjmta.example.net\nDZ8", []) { $0.heloName = ours },
        Row("DZ8", "O HeloName=mta.example.net\nDjmta.example.org\nDZ8", ["advice helo-name"]) { $0.heloName = ours },
        Row("", "", []) { $0.heloName = ours },
        Row("-d5", "-d3", ["problem map-timeout"]),
        Row("O CACertFile", "#", ["problem ca-file"]),
        Row("O DANE=true", "O DANE=false", ["advice dane"]),
        Row("O DANE=true\n", "", ["advice dane"]),
        Row("O DANE=true", "O DANE=false", []) { $0.putsDANEFirst = false },
        // Sendmail's default is 9.
        Row("", "", []) { $0.intake.sendmailLog = .journal },
        Row("O DANE=true", "O DANE=true\nO LogLevel=8", ["problem tls-log"]) { $0.intake.sendmailLog = .journal },
        Row("O DANE=true", "O DANE=true\nO LogLevel=14", []) { $0.intake.sendmailLog = .journal },
        Row("O DANE=true", "O DANE=true\nO LogLevel=8", []),
    ]

    @Test("sendmail.cf, a change at a time", arguments: rows)
    func table(_ row: Row) {
        let text = row.old.isEmpty ? Self.whole : Self.whole.replacing(row.old, with: row.new)
        let facts = SendmailFacts(text: text, file: "sendmail.cf")
        #expect(topics(MTAReport(facts, expecting: row.settings).findings) == row.expected)
    }

    @Test("a file and a folder of authorities that verify nothing")
    func authorities() {
        let text = Self.whole.replacing("O DANE=true", with: "O DANE=true\nO CACertPath=/etc/ca")
        func found(_ file: AuthorityFinding, _ folder: AuthorityFinding) -> [String] {
            var facts = SendmailFacts(text: text, file: "sendmail.cf")
            facts.authorities = ["/etc/ssl/certs/ca-certificates.crt": file, "/etc/ca": folder]
            return topics(MTAReport(facts, expecting: configured()).findings)
        }
        #expect(found(.usable, .noHashedName) == [] && found(.unreadable("gone"), .usable) == [])
        #expect(found(.noAuthority, .expired) == ["problem ca-file"])
        #expect(found(.unreadable("gone"), .noHashedName) == ["problem ca-file"])
        #expect(found(.denied, .noHashedName) == ["advice ca-file"])
    }

    @Test(
        "what the program says of itself",
        arguments: [
            ("Version 8.17.1.9\n Compiled with: SOCKETMAP\n FFR Defines: _FFR_MTA_STS\n", true),
            ("Version 8.17.1.9\n Compiled with: SOCKETMAP\n FFR Defines: _FFR_RHS\n", false),
            ("Version 8.15.2\n Compiled with: SOCKETMAP\n FFR Defines: _FFR_MTA_STS\n", false),
        ])
    func program(_ text: String, _ knowsMaps: Bool) {
        var facts = SendmailFacts()
        #expect(facts.knowsPolicyMaps == nil)
        facts.read(program: text + "  (canonical domain name) $j = mta.example.org\n   (subdomain name) $m = <null>\n")
        #expect(facts.knowsPolicyMaps == knowsMaps)
        #expect(facts.hostName == "mta.example.org" && facts.hostDomain.isEmpty)
    }

    @Test("times and versions", arguments: [("10s", 10), ("5m", 300), ("1h30m", 5400), ("7", 7)])
    func times(_ text: String, _ seconds: Int) {
        #expect(sendmailTime(text) == .seconds(seconds))
    }
}
