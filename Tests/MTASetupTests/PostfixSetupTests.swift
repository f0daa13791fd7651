// SPDX-License-Identifier: Apache-2.0
import MTACheck
import Settings
import Testing
@testable import MTASetup

@Suite("The plan for a Postfix")
struct PostfixSetupTests {
    /// As Debian installs it, with a site's name.
    private static let debian = [
        "mail_version": "3.7.11", "myhostname": "mta.example.org", "mydomain": "example.org",
        "smtp_helo_name": "mta.example.org",
        "queue_directory": "/var/spool/postfix", "command_directory": "/usr/sbin", "mail_owner": "postfix",
        "smtpd_milters": "", "non_smtpd_milters": "",
        "smtp_tls_security_level": "may", "smtp_tls_CAfile": "", "smtp_tls_CApath": "/etc/ssl/certs",
        "smtp_tls_loglevel": "0", "smtp_dns_support_level": "", "smtp_tls_policy_maps": "",
        "milter_protocol": "6", "milter_default_action": "tempfail", "milter_command_timeout": "30s",
        "smtpd_hard_error_limit": "20", "smtp_tlsrpt_enable": "no",
    ]

    private static func facts(_ changes: [String: String] = [:], own: [PostfixFacts.Service] = []) -> PostfixFacts {
        var facts = PostfixFacts()
        facts.parameters = debian.merging(changes) { $1 }
        facts.services =
            [
                .init("smtp/inet", "smtpd", isChrooted: true), .init("cleanup/unix", "cleanup", isChrooted: true),
                .init("smtp/unix", "smtp", isChrooted: true), .init("proxymap/unix", "proxymap"),
            ] + own
        for folder in ["/etc/ssl/certs", "/var/spool/postfix/etc/ssl/certs"] { facts.authorities[folder] = .usable }
        return facts
    }

    private static func plan(
        _ facts: PostfixFacts, settings: String = "", added: SetupPlan? = nil, enforces: Bool = false,
        log: String? = "/var/log/mail.log"
    ) throws -> SetupPlan {
        let files = (added?.settingsFiles ?? []) + (added?.files ?? [])
        return try PostfixSetup.plan(
            for: facts,
            SetupOptions(
                enforces: enforces, settingsFile: main,
                settings: [.init(name: main, text: settings)]
                    + files.filter { $0.path == own }.map { .init(name: $0.path, text: $0.text) },
                machine: SetupMachine(mailLog: log, hasSystemd: true) { path in files.first { $0.path == path }?.text })
        )
    }

    private static let main = "/etc/sts-milter/sts-milter.toml"
    /// Setup's own settings.
    private static let own = "/etc/sts-milter/conf.d/setup.toml"

    private static func values(_ changes: [SetupPlan.Change]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: changes.map { ($0.name, $0.value) })
    }

    @Test("sets milter, map, deliveries and reports, and leaves nothing that check-mta calls a problem")
    func fresh() throws {
        let plan = try Self.plan(Self.facts())
        #expect(
            Self.values(plan.settings) == [
                "on_violation": "\"log\"",
                "milter.socket": "\"unix:/var/spool/postfix/sts-milter/milter.sock\"",
                "policy_map.socket": "\"unix:/var/spool/postfix/sts-milter/map.sock\"", "policy_map.dane": "false",
                "intake.postfix_log": "\"/var/log/mail.log\"", "report.contact_info": "\"postmaster@example.org\"",
                "report.organization_name": "\"example.org\"", "network.helo_name": "\"mta.example.org\"",
            ])
        #expect(
            Self.values(plan.mta) == [
                "smtpd_milters": "{ unix:sts-milter/milter.sock, default_action=accept, command_timeout=10s }",
                "non_smtpd_milters": "$smtpd_milters",
                "smtp_tls_policy_maps": "socketmap:unix:sts-milter/map.sock:postfix", "smtp_tls_loglevel": "1",
            ])
        #expect(!plan.left.contains { $0.severity == .problem })
        #expect(plan.map == "socketmap:unix:/var/spool/postfix/sts-milter/map.sock:postfix")
        #expect(plan.settingsFiles.map(\.path) == [Self.own])
        let debian = [
            OptionalPart.postfixSockets(directory: "/var/spool/postfix/sts-milter", group: "postfix"), .mailLog,
        ]
        #expect(plan.files == debian.flatMap(\.files))
    }

    @Test("is empty once it was carried out, and then only turns the dry run off, where it stands")
    func again() throws {
        let first = try Self.plan(Self.facts())
        var facts = Self.facts()
        for change in first.mta { facts.set(change.name, to: change.value) }
        #expect(try Self.plan(facts, added: first).isEmpty)
        let strict = try Self.plan(facts, added: first, enforces: true)
        #expect(Self.values(strict.settings) == ["on_violation": "\"defer\""] && strict.mta.isEmpty)
        #expect(strict.settingsFiles.map(\.path) == [Self.own])
        let text = try #require(strict.settingsFiles.first?.text)
        #expect(try Settings(SettingsFile(text: text, name: "t")).milter.onViolation == .defer)
    }

    @Test("a key of the site's own file is changed there, for no key may stand twice")
    func ownFile() throws {
        let plan = try Self.plan(Self.facts(), settings: "# mine\non_violation = \"log\"\n", enforces: true)
        #expect(plan.settings.first { $0.name == "on_violation" }?.file == Self.main)
        #expect(plan.settingsFiles.first { $0.path == Self.main }?.text == "# mine\non_violation = \"defer\"\n")
        #expect(plan.settingsFiles.first { $0.path == Self.own }?.text.contains("on_violation") == false)
    }

    @Test("tells Postfix 3.10 the form that it knows, and hears its datagrams")
    func newer() throws {
        let plan = try Self.plan(Self.facts(["mail_version": "3.10.5", "smtp_dns_support_level": "dnssec"]), log: nil)
        let settings = Self.values(plan.settings)
        #expect(settings["intake.tlsrpt_socket"] == "\"/var/spool/postfix/run/tlsrpt/tlsrpt.sock\"")
        #expect(settings["intake.postfix_log"] == "\"journal\"" && settings["policy_map.dane"] == nil)
        let parameters = Self.values(plan.mta)
        #expect(parameters["smtp_tls_policy_maps"] == "socketmap:unix:sts-milter/map.sock:postfix-tlsrpt")
        #expect(parameters["smtp_tlsrpt_enable"] == "yes")
        #expect(parameters["smtp_tlsrpt_socket_name"] == "run/tlsrpt/tlsrpt.sock")
        #expect(plan.files.map(\.path).contains("/etc/sysctl.d/sts-milter-datagrams.conf"))
        #expect(plan.files.contains { $0.text.contains("SupplementaryGroups=systemd-journal\n") })
    }

    @Test("keeps other milters and the site's own tables, and takes the place of another program's map")
    func others() throws {
        let plan = try Self.plan(
            Self.facts([
                "smtpd_milters": "inet:127.0.0.1:11332",
                "smtp_tls_policy_maps": "hash:/etc/postfix/tls_policy, socketmap:inet:127.0.0.1:8642:QUERYwithTLSRPT",
            ]))
        let parameters = Self.values(plan.mta)
        #expect(
            parameters["smtpd_milters"]
                == "inet:127.0.0.1:11332, { unix:sts-milter/milter.sock, default_action=accept, command_timeout=10s }")
        #expect(
            parameters["smtp_tls_policy_maps"]
                == "hash:/etc/postfix/tls_policy, socketmap:unix:sts-milter/map.sock:postfix")
        let tlspol = "socketmap:inet:127.0.0.1:8642:QUERYwithTLSRPT"
        #expect(plan.replaces == [tlspol])
        #expect(plan.text.contains("replaces: \(tlspol) (another policy program; until --enforce nothing is enforced)"))
        #expect(
            plan.tables
                == ["hash:/etc/postfix/tls_policy", "socketmap:unix:/var/spool/postfix/sts-milter/map.sock:postfix"])
    }

    @Test("keeps what stands in braces, and other programs' tables, which it names")
    func ownTables() throws {
        let own = "inline:{ { a.example = secure match=x.example, b = 'c' } }, proxy:socketmap:inet:127.0.0.1:9:vips"
        var facts = Self.facts(["smtp_tls_policy_maps": own])
        facts.directory = "/etc/postfix-out"
        let plan = try Self.plan(facts)
        let line = "\(own), socketmap:unix:sts-milter/map.sock:postfix"
        #expect(Self.values(plan.mta)["smtp_tls_policy_maps"] == line)
        #expect(plan.replaces.isEmpty)
        #expect(
            plan.text.contains("left to you: advice (map-order): before sts-milter's map Postfix asks proxy:socket"))
        // As a shell takes it, and for this Postfix.
        #expect(plan.text.contains("postconf -c /etc/postfix-out -e 'smtp_tls_loglevel = 1'"))
        #expect(plan.text.contains("b = '\\''c'\\'' }"))
    }

    @Test("takes what the settings file says for granted")
    func given() throws {
        let plan = try Self.plan(
            Self.facts(["mydomain": "localdomain", "myhostname": "localhost", "smtp_helo_name": ""]),
            settings: """
                on_violation = "quarantine"
                [milter]
                socket = "inet:9000@127.0.0.1"
                [intake]
                postfix_log = "journal"
                """)
        let settings = Self.values(plan.settings)
        #expect(Set(settings.keys) == ["policy_map.socket", "policy_map.dane"])
        #expect(Self.values(plan.mta)["smtpd_milters"]?.contains("inet:127.0.0.1:9000") == true)
    }

    @Test("names what it leaves to the administrator")
    func left() throws {
        let service = PostfixFacts.Service(
            "filter/unix", "smtp", isChrooted: true, overrides: ["smtp_tls_security_level": "none"])
        let plan = try Self.plan(Self.facts(own: [service]))
        #expect(plan.left.contains { $0.severity == .problem && $0.topic == "security-level" })
        #expect(plan.text.contains("left to you: problem (security-level): service filter/unix"))
    }

    @Test("where no mail leaves by SMTP it is empty and says so; what tables send is guarded")
    func localOnly() throws {
        let none = ["default_transport": "error", "relay_transport": "error", "relay_domains": ""]
        let plan = try Self.plan(Self.facts(none))
        #expect(plan.isEmpty && plan.left.isEmpty && plan.text.contains("no mail leaves this Postfix by SMTP, so"))
        for (name, value) in [
            ("transport_maps", "hash:/etc/postfix/transport"), ("relay_transport", "relay"),
            ("virtual_transport", "smtp"),
        ] {
            var some = Self.facts(
                none.merging([name: value, "relay_domains": name == "relay_transport" ? "a.example" : ""]) { $1 })
            some.services.append(.init("relay/unix", "smtp", isChrooted: true))
            let plan = try Self.plan(some)
            #expect(plan.text.contains("no mail leaves this Postfix by SMTP but what"), "\(name)")
            #expect(Self.values(plan.mta)["smtpd_milters"] != nil, "\(name)")
        }
    }

    @Test("a settings file with an error is told as it is, and no plan made")
    func faulty() {
        #expect(throws: SettingsError.self) {
            try Self.plan(Self.facts(), settings: "enforcement = \"both\"\n")
        }
    }
}
