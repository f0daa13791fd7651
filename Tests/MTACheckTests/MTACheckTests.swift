// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import MTACheck
import TLS
import Testing

@Suite("What a Postfix lacks is named, with the line to add")
struct PostfixRuleTests {
    /// A Postfix 3.7 with milter and map, and what `postconf` says beside it.
    private static let whole: [String: String] = [
        "mail_version": "3.7.11", "queue_directory": "/var/spool/postfix",
        "smtpd_milters": "{ inet:127.0.0.1:8890, default_action=accept, command_timeout=10s }",
        "non_smtpd_milters": "inet:127.0.0.1:8890", "milter_command_timeout": "30s", "milter_protocol": "6",
        "milter_default_action": "tempfail", "smtpd_hard_error_limit": "${stress?{1}:{20}}",
        "smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8461:postfix", "smtp_tls_security_level": "may",
        "smtp_tls_CAfile": "/etc/ssl/certs/ca-certificates.crt", "smtp_dns_support_level": "dnssec",
        "smtp_tls_loglevel": "1",
    ]

    private static let services: [PostfixFacts.Service] = [
        .init("smtp/inet", "smtpd", isChrooted: true), .init("cleanup/unix", "cleanup", isChrooted: true),
        .init("smtp/unix", "smtp", isChrooted: true), .init("relay/unix", "smtp", isChrooted: true),
    ]

    private static func facts(
        _ changes: [String: String], set: Set<String> = [], services: [PostfixFacts.Service] = services
    ) -> PostfixFacts {
        var facts = PostfixFacts()
        facts.set = set
        facts.parameters = whole.merging(changes) { $1 }
        facts.services = services
        return facts
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let changes: [String: String]
        let expected: [String]
        var settings = configured()
        var testDescription: String { "\(changes.sorted { $0.key < $1.key }) \(expected)" }

        init(
            _ changes: [String: String], _ expected: [String],
            _ change: (inout ExpectedConfiguration) -> Void = { _ in }
        ) {
            self.changes = changes
            self.expected = expected
            settings = configured(change)
        }
    }

    static let rows: [Row] = [
        Row([:], []),
        // Milter
        Row(["smtpd_milters": "", "non_smtpd_milters": ""], ["problem milter-missing"]),
        // Nothing leaves by SMTP: nothing is missing for it.
        Row(["smtpd_milters": "", "default_transport": "error:local mail only"], ["advice no-smtp"]),
        Row(
            ["smtpd_milters": "", "default_transport": "error", "transport_maps": "hash:/x", "non_smtpd_milters": ""],
            ["problem milter-missing", "advice no-smtp"]),
        Row(
            ["smtpd_milters": "", "default_transport": "relay:[a.example]", "non_smtpd_milters": ""],
            ["problem milter-missing"]),
        Row(["smtpd_milters": "inet:127.0.0.1:11332"], ["problem milter-missing"]),
        Row(["smtpd_milters": "inet:127.0.0.1:11332, inet:localhost:8890"], []),
        Row(["smtpd_milters": "inet:[127.0.0.1]:8890"], []),
        Row(["smtpd_milters": "inet:127.0.0.2:8890"], ["problem milter-socket"]),
        Row(["smtpd_milters": "inet:127.0.0.2:8890"], ["advice milter-local-mail"]) {
            $0.milterSocket = .inet(host: "127.0.0.2", port: 8890)
        },
        Row(["smtpd_milters": "inet:192.0.2.1:8890", "non_smtpd_milters": "inet:192.0.2.1:8890"], []) {
            $0.milterSocket = .inet(host: nil, port: 8890)
        },
        Row(["smtpd_milters": "inet:[::1]:8890", "non_smtpd_milters": "inet:[::1]:8890"], []) {
            $0.milterSocket = .inet6(host: "::1", port: 8890)
        },
        Row(["smtpd_milters": "unix:sts-milter/milter.sock", "non_smtpd_milters": "unix:/sts-milter/milter.sock"], []) {
            $0.milterSocket = .unix(path: "/var/spool/postfix/sts-milter/milter.sock")
        },
        Row(["smtpd_milters": ""], ["problem milter-socket"]) {
            $0.milterSocket = .unix(path: "/run/sts-milter/milter.sock")
        },
        Row(["smtpd_milters": ""], ["problem milter-missing"]) {
            $0.milterSocket = .unix(path: "/var/spool/postfix/sts-milter/milter.sock")
        },
        Row(["smtpd_milters": "unix:/run/sts-milter/milter.sock"], ["problem milter-socket"]) {
            $0.milterSocket = .unix(path: "/run/sts-milter/milter.sock")
        },
        Row(["non_smtpd_milters": ""], ["advice milter-local-mail"]),
        Row(
            ["smtpd_milters": "{ inet:127.0.0.1:8890, { command_timeout = 3s } }"], ["problem milter-timeout"]),
        Row(["smtpd_milters": "inet:127.0.0.1:8890", "milter_command_timeout": "2s"], ["problem milter-timeout"]),
        Row(["smtpd_milters": "{inet:127.0.0.1:8890,command_timeout = 10s}", "milter_command_timeout": "2s"], []),
        Row([:], ["problem milter-timeout"]) { $0.waitLimit = .seconds(10) },
        Row(["milter_default_action": "reject"], []),
        Row(
            ["smtpd_milters": "inet:127.0.0.1:8890", "milter_default_action": "reject"],
            ["problem milter-default-action"]),
        Row(["milter_protocol": "2"], ["problem milter-protocol"]),
        Row(["milter_protocol": "2", "milter_rcpt_macros": "i {rcpt_addr} {rcpt_host}"], ["problem milter-protocol"]),
        Row(
            ["milter_protocol": "2", "milter_rcpt_macros": "i {rcpt_addr} {rcpt_host} {rcpt_mailer}"],
            ["advice milter-protocol"]),
        Row(
            [
                "smtpd_milters": "{ inet:127.0.0.1:8890, protocol=4 }",
                "milter_rcpt_macros": "{rcpt_host}, {rcpt_mailer}",
            ], ["advice milter-protocol"]),
        Row(["smtpd_milters": "{ inet:127.0.0.1:8890, protocol=6 }", "milter_protocol": "2"], []),
        Row(["smtpd_hard_error_limit": "3"], ["advice hard-error-limit"]),
        Row(["smtpd_hard_error_limit": "3"], []) { $0.defersViolations = false },
        // The map
        Row(["smtp_tls_policy_maps": ""], ["problem map-missing"]),
        Row(["smtp_tls_policy_maps": ""], []) {
            $0.enforcement = .milter
            $0.mapSocket = nil
        },
        Row(["smtp_tls_policy_maps": ""], ["advice map-unused"]) { $0.enforcement = .milter },
        Row(["smtp_tls_policy_maps": ""], ["problem map-missing"]) { $0.enforcement = .auto },
        Row(["smtp_tls_policy_maps": ""], []) {
            $0.enforcement = .auto
            $0.mapSocket = nil
        },
        Row([:], []) { $0.enforcement = .auto },
        Row([:], []) {
            $0.enforcement = .auto
            $0.mapSocket = nil
        },
        Row(["smtp_tls_policy_maps": ""], ["problem map-unserved"]) { $0.mapSocket = nil },
        Row([:], ["advice map-other"]) { $0.mapSocket = nil },
        Row([:], ["problem enforcement"]) { $0.enforcement = .milter },
        Row(["smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8642:QUERYwithTLSRPT"], ["problem map-missing"]),
        Row(
            ["smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8642:x, socketmap:inet:localhost:8461:postfix"],
            ["advice map-order"]),
        // What inline has in its braces is no list of maps.
        Row(
            ["smtp_tls_policy_maps": "inline:{ {a = socketmap:inet:h:1:x, b} } socketmap:inet:localhost:8461:postfix"],
            []),
        Row(["smtp_tls_policy_maps": "pipemap:{ socketmap:inet:localhost:8461:postfix, static:x }"], []),
        Row(["relayhost": "[smart.example.net]:587"], ["advice relayhost"]),
        Row(["sender_dependent_relayhost_maps": "hash:/x"], ["advice sender-relayhosts"]),
        Row(["content_filter": "smtp:[127.0.0.1]:10024"], ["advice content-filter"]),
        Row(["multi_instance_directories": "/etc/postfix-out"], ["advice several-postfixes"]),
        Row(["smtp_fallback_relay": "[relay.example]"], ["advice fallback-relay"]),
        Row(["smtp_tls_policy_maps": "hash:/etc/postfix/tls_policy, socketmap:inet:localhost:8461:postfix"], []),
        Row(["smtp_tls_policy_maps": "unionmap:{socketmap:inet:localhost:8461:postfix}"], []),
        Row(["smtp_tls_policy_maps": "socketmap:inet:localhost:8461:mta-sts"], ["problem map-name"]),
        // The services of these rows run in a chroot.
        Row(["smtp_tls_policy_maps": "socketmap:unix:/run/sts-milter/map.sock:postfix"], ["problem map-socket"]) {
            $0.mapSocket = .unix(path: "/run/sts-milter/map.sock")
        },
        // proxymap(8) does not.
        Row(["smtp_tls_policy_maps": "proxy:socketmap:unix:/run/sts-milter/map.sock:postfix"], []) {
            $0.mapSocket = .unix(path: "/run/sts-milter/map.sock")
        },
        Row(["smtp_tls_policy_maps": "proxy:socketmap:unix:/run/other/map.sock:postfix"], ["problem map-socket"]) {
            $0.mapSocket = .unix(path: "/run/sts-milter/map.sock")
        },
        Row(["smtp_tls_policy_maps": ""], ["problem map-missing"]) {
            $0.mapSocket = .unix(path: "/var/spool/postfix/sts-milter/map.sock")
        },
        Row(["smtp_tls_policy_maps": "socketmap:unix:sts-milter/map.sock:postfix"], []) {
            $0.mapSocket = .unix(path: "/var/spool/postfix/sts-milter/map.sock")
        },
        Row(["smtp_tls_policy_maps": "socketmap:inet:localhost:8461:sts"], ["advice map-form"]),
        // Form and version
        Row(["smtp_tls_policy_maps": "socketmap:inet:localhost:8461:postfix-tlsrpt"], ["problem map-form"]),
        Row(
            ["mail_version": "3.9.1", "smtp_tls_policy_maps": "socketmap:inet:localhost:8461:postfix-tlsrpt"],
            ["problem map-form"]),
        Row(
            ["mail_version": "3.10.13", "smtp_tls_policy_maps": "socketmap:inet:localhost:8461:postfix-tlsrpt"], []),
        Row(
            ["mail_version": "3.12-20260821", "smtp_tls_policy_maps": "socketmap:inet:localhost:8461:postfix-tlsrpt"],
            []),
        Row(["mail_version": "3.10.2"], ["advice map-form"]),
        Row(["mail_version": "3.10.2", "smtp_tlsrpt_enable": "yes"], ["problem map-form"]),
        Row(["mail_version": "3.3.22"], ["problem map-form"]),
        Row(["mail_version": "later"], []),
        // TLS
        Row(["smtp_tls_security_level": ""], ["problem security-level"]),
        Row(["smtp_tls_security_level": "none"], ["problem security-level"]),
        Row(["smtp_tls_security_level": "", "smtp_use_tls": "yes"], []),
        Row(["smtp_tls_security_level": "encrypt"], []),
        Row(["smtp_tls_security_level": "dane"], []),
        Row(["smtp_tls_security_level": "dane", "smtp_dns_support_level": ""], ["problem dnssec"]),
        Row(["smtp_dns_support_level": ""], ["problem dnssec"]),
        Row(["smtp_dns_support_level": ""], []) { $0.putsDANEFirst = false },
        Row(["smtp_tls_security_level": "dane", "smtp_dns_support_level": ""], ["problem dnssec"]) {
            $0.putsDANEFirst = false
        },
        Row(["smtp_tls_CAfile": ""], ["problem ca-file"]),
        Row(["smtp_tls_CAfile": "", "smtp_tls_CApath": "/etc/ssl/certs"], []),
        Row(["smtp_tls_CAfile": "", "tls_append_default_CA": "yes"], []),
        Row(["smtp_helo_name": "mta.example.org"], []) { $0.heloName = try? DomainName("mta.example.org") },
        Row(["smtp_helo_name": "MTA.example.org"], []) { $0.heloName = try? DomainName("mta.example.org") },
        Row(["smtp_helo_name": "mta.example.net"], ["advice helo-name"]) {
            $0.heloName = try? DomainName("mta.example.org")
        },
        Row(["smtp_helo_name": "", "myhostname": "mta.example.net"], ["advice helo-name"]) {
            $0.heloName = try? DomainName("mta.example.org")
        },
        Row(["smtp_helo_name": "[192.0.2.1]"], ["advice helo-name"]) {
            $0.heloName = try? DomainName("mta.example.org")
        },
        Row(["smtp_helo_name": "$unknown", "myhostname": "mta.example.net"], []) {
            $0.heloName = try? DomainName("mta.example.org")
        },
        Row(["smtp_helo_name": "mta.example.net"], []),
        Row(["smtp_tls_loglevel": "0"], ["advice tls-log"]),
        Row(["smtp_tls_enforce_sts_mx_patterns": "no"], ["advice mx-patterns"]),
        // Intake
        Row([:], []) { $0.intake.postfixLog = .journal },
        Row(["smtp_tls_loglevel": "0"], ["problem tls-log"]) { $0.intake.postfixLog = .file("/var/log/mail.log") },
        Row(["smtp_tls_loglevel": "0"], ["problem tlsrpt-version"]) { $0.intake.datagramSocket = socket },
        Row(["mail_version": "3.9.4"], ["problem tlsrpt-version"]) { $0.intake.datagramSocket = socket },
        Row(tlsrpt(["smtp_tlsrpt_enable": "no"]), ["problem tlsrpt-enable"]) { $0.intake.datagramSocket = socket },
        Row(tlsrpt(["smtp_tlsrpt_socket_name": ""]), ["problem tlsrpt-socket"]) { $0.intake.datagramSocket = socket },
        Row(tlsrpt(["smtp_tlsrpt_socket_name": "run/other.sock"]), ["problem tlsrpt-socket"]) {
            $0.intake.datagramSocket = socket
        },
        // In the chroot of these rows the whole path is not there.
        Row(tlsrpt(["smtp_tlsrpt_socket_name": socket]), ["problem tlsrpt-socket"]) {
            $0.intake.datagramSocket = socket
        },
        Row(tlsrpt([:]), ["problem tlsrpt-socket"]) { $0.intake.datagramSocket = "/run/tlsrpt.sock" },
        Row(tlsrpt(["smtp_tlsrpt_skip_reused_handshakes": "yes"]), ["advice tlsrpt-resumed"]) {
            $0.intake.datagramSocket = socket
        },
        Row(tlsrpt(["smtp_tlsrpt_skip_reused_handshakes": "no"]), []) { $0.intake.datagramSocket = socket },
        Row(tlsrpt(["smtp_tlsrpt_skip_reused_handshakes": "yes", "mail_version": "3.11.6"]), []) {
            $0.intake.datagramSocket = socket
        },
        Row(tlsrpt(["smtp_tls_loglevel": "0"]), []) { $0.intake.datagramSocket = socket },
        Row(tlsrpt(["smtp_tls_loglevel": "0"]), ["problem tls-log"]) {
            $0.intake.datagramSocket = socket
            $0.intake.postfixLog = .journal
        },
    ]

    /// What is in two places of authorities, and what is said of it.
    struct Authorities: Sendable, CustomTestStringConvertible {
        let file: AuthorityFinding?
        let folder: AuthorityFinding?
        let expected: [String]
        var changes: [String: String] = [:]
        var isAsked = true
        var testDescription: String { "\(String(describing: file)), \(String(describing: folder)), \(changes)" }

        init(
            _ file: AuthorityFinding?, _ folder: AuthorityFinding?, _ expected: String...,
            changes: [String: String] = [:], isAsked: Bool = true
        ) {
            (self.file, self.folder, self.expected) = (file, folder, expected)
            (self.changes, self.isAsked) = (changes, isAsked)
        }
    }

    static let authorityRows: [Authorities] = [
        .init(.usable, nil), .init(nil, .usable), .init(.usable, .unreadable("No such file or directory")),
        .init(.noAuthority, .usable), .init(.noAuthority, nil, "problem ca-file"),
        .init(.noRoot, nil, "problem ca-file"),
        .init(.expired, nil, "problem ca-file"), .init(nil, .noHashedName, "problem ca-file"),
        .init(nil, .unreadable("No such file or directory"), "problem ca-file"),
        .init(.expired, .noAuthority, "problem ca-file"), .init(.denied, nil, "advice ca-file"),
        .init(.denied, .usable), .init(.noAuthority, nil, changes: ["tls_append_default_CA": "yes"]),
        // Postfix does without TLS altogether, whatever else it has.
        .init(.unreadable("No such file or directory"), .usable, "problem ca-file"),
        .init(.noCertificate, .usable, "problem ca-file"),
        .init(.noCertificate, nil, "problem ca-file", changes: ["tls_append_default_CA": "yes"]),
        .init(.noCertificate, nil, "problem ca-file", isAsked: false),
        // Nothing is verified where no map asks for it.
        .init(.noAuthority, nil, isAsked: false), .init(nil, nil, isAsked: false), .init(nil, nil, "problem ca-file"),
    ]

    @Test("a file and a folder of authorities that verify nothing", arguments: authorityRows)
    func authorities(_ row: Authorities) {
        var changes = row.changes
        changes["smtp_tls_CAfile"] = row.file == nil ? "" : "/etc/ca.pem"
        changes["smtp_tls_CApath"] = row.folder == nil ? "" : "/etc/ca"
        if !row.isAsked { changes["smtp_tls_policy_maps"] = "" }
        var facts = Self.facts(changes)
        facts.authorities["/etc/ca.pem"] = row.file
        // The clients of these rows run in a chroot.
        facts.authorities["/var/spool/postfix/etc/ca"] = row.folder
        let settings = configured {
            guard !row.isAsked else { return }
            $0.enforcement = .milter
            $0.mapSocket = nil
        }
        #expect(topics(findings(of: facts, expecting: settings)) == row.expected)
    }

    @Test("a service of master.cf may have authorities of its own")
    func ownAuthorities() {
        let own = PostfixFacts.Service("own/unix", "smtp", overrides: ["smtp_tls_CAfile": "own.pem"])
        var facts = Self.facts([:], services: Self.services + [own])
        facts.authorities["/var/spool/postfix/own.pem"] = .noAuthority
        let found = findings(of: facts, expecting: configured())
        #expect(
            found.map(\.text).first?.hasPrefix(
                "service own/unix: smtp_tls_CAfile /var/spool/postfix/own.pem holds no certificate of an authority")
                == true)
        #expect(found.map(\.cure?.file) == ["/etc/postfix/master.cf"])
    }

    private static let socket = "/var/spool/postfix/run/tlsrpt/tlsrpt.sock"

    /// A Postfix 3.10 that reports its sessions to ``socket``, with changes.
    private static func tlsrpt(_ changes: [String: String]) -> [String: String] {
        [
            "mail_version": "3.10.5", "smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8461:postfix-tlsrpt",
            "smtp_tlsrpt_enable": "yes", "smtp_tlsrpt_socket_name": "run/tlsrpt/tlsrpt.sock",
        ].merging(changes) { $1 }
    }

    @Test("main.cf, a change at a time", arguments: rows)
    func table(_ row: Row) {
        #expect(topics(findings(of: Self.facts(row.changes), expecting: row.settings)) == row.expected)
    }

    @Test("a service of master.cf may go past milter, map and TLS")
    func services() {
        func found(_ program: String, _ overrides: [String: String]) -> [String] {
            let own = PostfixFacts.Service("own/unix", program, overrides: overrides)
            return topics(findings(of: Self.facts([:], services: Self.services + [own]), expecting: configured()))
        }
        #expect(found("smtpd", ["smtpd_milters": ""]) == ["advice milter-service"])
        #expect(found("smtpd", ["smtpd_milters": "inet:127.0.0.1:8890"]).isEmpty)
        #expect(found("smtpd", ["milter_command_timeout": "1s"]).isEmpty)
        #expect(
            found("smtpd", ["smtpd_milters": "inet:127.0.0.1:8890", "milter_command_timeout": "1s"])
                == ["problem milter-timeout"])
        #expect(
            found("smtp", ["smtp_tls_policy_maps": "socketmap:inet:localhost:8461:postfix-tlsrpt"])
                == ["problem map-form"])
        #expect(found("smtp", ["smtp_tls_policy_maps": ""]) == ["advice map-service"])
        #expect(found("smtp", ["smtp_tls_security_level": "none"]) == ["problem security-level"])
        #expect(found("smtp", ["smtp_tls_security_level": "encrypt"]).isEmpty)
        #expect(found("smtp", ["smtp_tls_loglevel": "0"]).isEmpty)
        // One service that asks is enough; main.cf itself may leave it out.
        let only = [
            PostfixFacts.Service("smtp/inet", "smtpd", overrides: ["smtpd_milters": "inet:127.0.0.1:8890"]),
            PostfixFacts.Service("cleanup/unix", "cleanup"),
        ]
        #expect(findings(of: Self.facts(["smtpd_milters": ""], services: only), expecting: configured()).isEmpty)
    }

    @Test("a service of master.cf may keep its deliveries from the intake, and the cure is for that service")
    func silentService() {
        func found(_ overrides: [String: String]) -> [Diagnostic] {
            let own = PostfixFacts.Service("own/unix", "smtp", overrides: overrides)
            let settings = configured {
                $0.intake.postfixLog = .journal
                $0.intake.datagramSocket = Self.socket
            }
            return findings(of: Self.facts(Self.tlsrpt([:]), services: Self.services + [own]), expecting: settings)
        }
        #expect(found([:]).isEmpty)
        // Outside a chroot the whole path is as good.
        #expect(found(["smtp_tlsrpt_socket_name": Self.socket]).isEmpty)
        for (name, value, wanted) in [
            ("smtp_tls_loglevel", "0", "1"), ("smtp_tlsrpt_enable", "no", "yes"),
            ("smtp_tlsrpt_socket_name", "/run/x", "run/tlsrpt/tlsrpt.sock"),
        ] {
            let cure = Diagnostic.Cure("/etc/postfix/master.cf", "own ... smtp", "  -o \(name)=\(wanted)")
            #expect(found([name: value]).map(\.cure) == [cure])
        }
    }

    @Test("each cure takes its finding away")
    func cures() throws {
        for row in Self.rows {
            var changes = row.changes
            var set: Set<String> = []
            let found = findings(of: Self.facts(row.changes), expecting: row.settings)
            for line in found.compactMap(\.cure).filter({ $0.file.hasSuffix("main.cf") }).flatMap(\.lines) {
                let equals = try #require(line.firstIndex(of: "="))
                let value = trimmed(line[line.index(after: equals)...])
                set.insert(trimmed(line[..<equals]))
                // As postconf -x would show it.
                changes[trimmed(line[..<equals])] = value.replacing(
                    "$smtpd_milters", with: changes["smtpd_milters"] ?? Self.whole["smtpd_milters"] ?? "")
            }
            let left = findings(of: Self.facts(changes, set: set), expecting: row.settings)
            #expect(left.allSatisfy { $0.cure?.file != "/etc/postfix/main.cf" }, "\(row.testDescription): \(left)")
        }
    }
}
