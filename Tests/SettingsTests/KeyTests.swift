// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit
import Testing

@testable import Settings

@Suite("Each key is declared once, and all else follows from its declaration")
struct KeyTests {
    private func read(_ text: String) throws(SettingsError) -> Settings {
        try Settings(SettingsFile(text: text, name: "test.toml"))
    }

    /// The example file with all its keys in force.
    private var fullExample: String {
        exampleSettings().split(separator: "\n", omittingEmptySubsequences: false).map { line in
            if line.hasPrefix("# [["), line.hasSuffix("]]") { return String(line.dropFirst(2)) }
            return line.hasPrefix("#") && !line.hasPrefix("# ") ? String(line.dropFirst()) : String(line)
        }.joined(separator: "\n")
    }

    @Test("no key is declared twice, and no two keys go to one place")
    func unique() {
        let keys = Settings.keys.map(\.key)
        #expect(Set(keys).count == keys.count && keys.count > 70)
        let places = Settings.keys.compactMap { $0.path.map { $0 as PartialKeyPath<Settings> } }
        #expect(Set(places).count == places.count && places.count == keys.count)
    }

    @Test("a default as the example shows it is the default")
    func defaults() throws {
        let defaults = Settings()
        for setting in Settings.keys where setting.example == nil {
            var read = defaults
            let value = try #require(try TOMLValue.file("a = \(setting.shown(defaults))")["a"])
            try setting.read(value, into: &read)
            #expect(!setting.keep(defaults, in: &read), "\(setting.key) = \(setting.shown(defaults))")
        }
    }

    @Test("the example can be read with all its keys in force, but for the two things that a rule can do")
    func example() throws {
        // Files and groups that need not be here.
        let directory = try TemporaryDirectory()
        let text = fullExample.replacing("exempt = true\n", with: "")
            .replacing("/usr/share/dns/root.key", with: "/dev/null")
            .replacing("/etc/sts-milter/keys/tlsrpt.pem", with: try directory.dkimKey())
            .replacing("/var/spool/postfix/sts-milter/map.sock", with: "/run/sts-milter/map.sock")
            .replacing(#/socket_group = .*/#, with: "socket_group = \"0\"")
        let settings = try read(text)
        // Places that this machine has not.
        let warnings = settings.warnings.map { "\($0)" }.filter { $0.firstRange(of: ": there is no '/var/") == nil }
        #expect(warnings.isEmpty, "\(warnings)")
        #expect(settings.milter.rules.count == 1 && settings.localPolicies.all.count == 1)
        #expect(settings.heloName.ascii == "mta.example.org" && settings.policyMap != nil && settings.preload != nil)
        // Every key is looked at: the same file with another word for each is wrong everywhere.
        let wrong = text.replacing(#/(?m)^(\w+) = .*$/#) { "\($0.output.1)_ = 1" }
        let error = try #require(throws: SettingsError.self) { try read(wrong) }
        let shown = Settings.keys.count + RuleBlock.keys.count - 1 + PinBlock.keys.count
        #expect(error.problems.count { $0.text.contains("unknown key") } == shown)
    }

    @Test("contrib and the manual page are made from the declarations")
    func documents() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let example = root.appendingPathComponent("contrib/sts-milter.toml")
        #expect(try String(contentsOf: example, encoding: .utf8) == exampleSettings(), "run make settings-example")
        let page = root.appendingPathComponent("docs/sts-milter.toml.5")
        let made = try Command.check(["sh", "-c", "\(root.path)/docs/settings-man <\(example.path)"])
        #expect(try String(contentsOf: page, encoding: .utf8) == made, "run make settings-example")
    }

    @Test(
        "a value that is not of its key's type is named with its line and the cure",
        arguments: [
            ("enforcement = \"both\"", "1: enforcement: must be \"auto\" or \"milter\" or \"milter+policy-map\""),
            ("\n[milter]\n\nsocket = 3\n", "4: milter.socket: must be a text in quotes"),
            ("milter.socket = \"inet:0\"", "1: milter.socket: port '0' is not a number from 1 to 65535"),
            ("milter.socket_mode = \"999\"", "1: milter.socket_mode: must be an octal mode such as \"0660\""),
            ("milter.lookup_wait = 3", "1: milter.lookup_wait: must be a duration such as \"5s\", \"10m\""),
            ("milter.max_waiting = 0", "1: milter.max_waiting: must be a whole number from 1 to 10000"),
            ("milter.max_waiting = \"8\"", "1: milter.max_waiting: must be a whole number from 1 to 10000"),
            ("milter.transports = [1]", "1: milter.transports: must be a list of texts such as [\"a\", \"b\"]"),
            ("milter.tls_required_no = \"yes\"", "1: milter.tls_required_no: must be true or false"),
            (
                "policy_map.names = [\"a=b\"]",
                "1: policy_map.names: 'a=b': write \"NAME=FORM\", FORM being one of postfix"
            ),
            ("policy_map.never = [\"[a\"]", "1: policy_map.never: '[a': "),
            ("policy_map.depth_only = \"any\"", "1: policy_map.depth_only: must be \"temp\" or \"secure\""),
            ("network.helo_name = \"a b\"", "1: network.helo_name: 'a b': "),
            ("probe.enabled = 1", "1: probe.enabled: must be true or false"),
            ("intake.postfix_log = \"mail.log\"", "1: intake.postfix_log: must be an absolute path"),
            ("log.level = \"trace\"", "1: log.level: must be \"debug\" or \"info\" or"),
            (
                "fleet.postgres = \"host=db password=x\"",
                "1: fleet.postgres: PostgreSQL: the connection string cannot be used (it has a password, which who reads the settings would read as well; use passfile=/PATH, or PGPASSWORD)"
            ),
            ("fleet.postgres = \"hosts=db\"", "1: fleet.postgres: PostgreSQL: the connection string cannot be used ("),
            (
                "fleet.postgres = \"host=db\"\nreport.schedule = \"export\"",
                "1: fleet.postgres: counts go to the fleet, or by"
            ),
            ("status.listen = 1", "1: status.listen: must be a text in quotes"),
            (
                "status.listen = \"inet:8462@192.0.2.1\"",
                "1: status.listen: other machines can reach inet:8462@192.0.2.1, and there is no login: write an address of loopback or a unix socket, or set status.remote = true"
            ),
            (
                "[[rule]]\nclient = [\"x\"]\nexempt = true",
                "2: rule.client: 'x' is not a network; write \"192.0.2.0/24\""
            ),
            ("[[rule]]\nport = 587", "1: rule: must have exempt = true, or on_violation, on_unknown or on_unproven"),
            (
                "[[rule]]\nport = 25\nexempt = true\non_unknown = \"defer\"",
                "1: rule: has both exempt and on_unknown; keep one of them"
            ),
            ("[[rule]]\nexempt = true\nsender_domain = \"..\"", "3: rule.sender_domain: "),
            ("[[rule]]\nexempt = true", "1: rule: has no condition, so that it is for all mail"),
            ("rule = [1]", "1: rule: must be written [[rule]]"),
            ("dns.forwarder = \"127.0.0.1:53\"", "1: dns.forwarder: '127.0.0.1:53' is no address, or address@port"),
            ("dns.forwarder = \"\"", "1: dns.forwarder: '' is no address"),
            (
                "milter.socket = \"unix:/run/a\"\npolicy_map.socket = \"unix:/run/a\"",
                "2: policy_map.socket: unix:/run/a is the address of another socket as well"
            ),
            (
                "control.socket = \"/run/a\"\nstatus.listen = \"unix:/run/a\"",
                "2: status.listen: unix:/run/a is the address of another socket as well"
            ),
            ("[rule]\nexempt = true", "1: rule: must be written [[rule]]"),
            ("[milter]\nsoket = \"x\"", "2: milter.soket: unknown key; did you mean milter.socket?"),
            ("lookup_wait = \"3s\"", "1: lookup_wait: unknown key; did you mean milter.lookup_wait?"),
            (
                "[milter]\non_violation = \"log\"",
                "2: milter.on_violation: unknown key; did you mean on_violation, above the first [table]?"
            ),
            ("on_violatoin = \"log\"", "1: on_violatoin: unknown key; did you mean on_violation?"),
            ("[[rule]]\nexempt = true\nprt = 1", "3: rule.prt: unknown key; did you mean port?"),
            ("nonsense = 1", "1: nonsense: unknown key; remove it, or see the example file for all keys"),
            (
                "enforcement = \"milter+policy-map\"",
                "1: enforcement: no policy map is served, so that nobody would guard deliveries: set policy_map.socket, or enforcement = \"auto\""
            ),
            (
                "control.socket = \"inet:1@127.0.0.1\"",
                "1: control.socket: 'inet:1@127.0.0.1' is no path of a unix socket: write"
            ),
            ("control.socket = \"a.sock\"", "1: control.socket: 'a.sock' is no path of a unix socket: write"),
            (
                "status.listen = \"127.0.0.1:8462\"",
                "1: status.listen: '127.0.0.1:8462' is not a socket: write inet:8462@127.0.0.1, unix:/path or fd:3"
            ),
            (
                "[milter]\n\n[milter]\nlookup_wait = \"1s\"",
                "3: [milter] stands at line 1 already: put the key below it, or into a file of conf.d"
            ),
            ("[milter\n", "1: not TOML: Error while parsing table header: expected ']', saw the end of the line"),
        ])
    func wrong(_ text: String, _ expected: String) throws {
        let error = try #require(throws: SettingsError.self) { try read(text) }
        #expect(error.description.hasPrefix("test.toml:" + expected), "\(error)")
        #expect(error.problems.count == 1, "\(error)")
    }

    @Test("all that is wrong is found at once, in the order of the lines")
    func atOnce() throws {
        let error = try #require(throws: SettingsError.self) {
            try read(
                "[[rule]]\nclient = [\"x\", \"y\"]\n[[pin]]\ndomain = \"..\"\n[milter]\nmax_waiting = 0\nlookup_wait = 1"
            )
        }
        #expect(error.problems.map(\.line) == [1, 2, 2, 3, 4, 6, 7], "\(error)")
    }

    @Test("the status page listens where only this machine can connect, unless it is told otherwise")
    func statusPage() throws {
        #expect(try read("").statusPage == nil)
        for local in ["inet:8462@127.0.0.1", "inet6:8462@::1", "unix:/run/x.sock", "inet:8462@localhost", "fd:3"] {
            #expect(try read("status.listen = \"\(local)\"").statusPage != nil, "\(local)")
        }
        for remote in ["inet:8462", "inet6:8462", "inet:8462@0.0.0.0", "inet:8462@192.0.2.1", "inet:8462@mx.example"] {
            #expect(throws: SettingsError.self, "\(remote)") { try read("status.listen = \"\(remote)\"") }
            #expect(try read("status.listen = \"\(remote)\"\nstatus.remote = true").statusPage != nil)
        }
    }

    @Test("domains of one's own are names, a hundred at the most")
    func watched() throws {
        #expect(try read("watch = [\"Example.org\"]").watched.map(\.ascii) == ["example.org"])
        let many = (0..<101).map { "\"d\($0).example\"" }.joined(separator: ", ")
        let error = try #require(throws: SettingsError.self) { try read("watch = [\(many)]") }
        #expect(error.problems.map(\.text) == ["watch: more than 100 domains"])
        #expect(throws: SettingsError.self) { try read("watch = [\"..\"]") }
    }

    @Test("a map that is never to hold somebody's mail is not counted on by the milter")
    func guardedByMap() throws {
        let map = "[policy_map]\nsocket = \"inet:8461@127.0.0.1\"\n"
        let served = "enforcement = \"milter+policy-map\"\n" + map
        #expect(try read(served).milter.isGuardedByMap)
        #expect(try read(map).milter.isGuardedByMap && read(map).gate.enforcement == .auto)
        #expect(try !read("enforcement = \"milter\"\n" + map).milter.isGuardedByMap)
        #expect(try !read(served + "never = [\"intern.example\"]\n").milter.isGuardedByMap)
        #expect(try !read("on_violation = \"log\"\n" + served).milter.isGuardedByMap)
    }

    @Test(
        "what one value does to another, and a directory that a socket still lacks, is a warning",
        arguments: [
            (
                "dane = \"always\"\ndns.trust_anchor = \"none\"",
                "1: dane: has no effect with dns.trust_anchor = \"none\": without DNSSEC there is no DANE"
            ),
            (
                "milter.message_budget = \"1s\"\nmilter.lookup_wait = \"4s\"",
                "1: milter.message_budget: no recipient waits for milter.lookup_wait (4s), since all of a message together wait for milter.message_budget (1s) at most"
            ),
            (
                "policy_map.socket = \"inet:8461@127.0.0.1\"\npolicy_map.names = []",
                "2: policy_map.names: without a name the policy map answers no question: take the key out for the usual names"
            ),
            (
                "milter.socket = \"unix:/nonexistent/m\"",
                "1: milter.socket: there is no directory '/nonexistent': make it, and give it to the daemon's user"
            ),
            (
                "dane = \"always\"\nprobe.enabled = false",
                "1: dane: has no effect with probe.enabled = false: no MX host is looked at without probes"
            ),
            (
                "milter.transports = []",
                "1: milter.transports: no mail is judged, since none of the MTA's transports is named: take the key out for the usual ones"
            ),
            (
                "milter.socket = \"inet:8890\"",
                "1: milter.socket: inet:8890 is open to other machines on all addresses, and there is no login: write inet:8890@127.0.0.1, or keep them out by a firewall"
            ),
            (
                "policy_map.socket = \"inet6:8461@::\"",
                "1: policy_map.socket: inet6:8461@:: is open to other machines on all addresses, and there is no login: write inet6:8461@::1, or keep them out by a firewall"
            ),
            ("milter.socket = \"inet:8890@192.0.2.1\"", nil),
            ("report.copy_to = \"/nonexistent/x\"", "1: report.copy_to: there is no '/nonexistent/x'"),
            ("report.maildir = \"/nonexistent/x\"", "1: report.maildir: there is no '/nonexistent/x'"),
            ("intake.postfix_log = \"/nonexistent/x\"", "1: intake.postfix_log: there is no '/nonexistent/x'"),
            (
                "report.contact_info = \"root@localhost\"",
                "1: report.contact_info: 'root@localhost' is no address on the Internet, and no reports are sent: write one such as postmaster@example.org"
            ),
            ("milter.socket = \"unix:/run/nonexistent/m\"", nil), ("milter.socket = \"unix:/var/lib/x-sts/m\"", nil),
            ("policy_map.names = []", nil), ("dane = \"always\"", nil),
        ] as [(String, String?)])
    func warned(_ text: String, _ warning: String?) throws {
        #expect(try read(text).warnings.map(\.description) == (warning.map { ["test.toml:\($0)"] } ?? []))
    }

    @Test(
        "what is valid and keeps a daemon from starting as things are is told apart",
        arguments: [
            ("tls.ca_file = \"/etc/passwd\"", "tls.ca_file: '/etc/passwd' holds no certificate in PEM form"),
            (
                "tls.ca_file = \"/etc\"",
                "tls.ca_file: '/etc' is a directory: name a file of certificates in PEM form"
            ),
            (
                "store.path = \"/etc\"",
                "store.path: '/etc' is a directory: name a file in it, such as /etc/sts-milter.sqlite"
            ),
            (
                "store.path = \"/nonexistent/a.sqlite\"",
                "store.path: there is no directory '/nonexistent': make it, and give it to the daemon's user"
            ),
            ("dns.trust_anchor = \"/nonexistent\"", "dns.trust_anchor: there is no file '/nonexistent'"),
            ("milter.socket_group = \"nobody-s\"", "milter.socket_group: there is no group 'nobody-s'"),
            ("policy_map.socket_group = \"nobody-s\"", "policy_map.socket_group: there is no group 'nobody-s'"),
            (
                "intake.tlsrpt_socket_group = \"nobody-s\"",
                "intake.tlsrpt_socket_group: there is no group 'nobody-s'"
            ),
            ("status.socket_group = \"nobody-s\"", "status.socket_group: there is no group 'nobody-s'"),
            (
                "report.dkim_key = \"/nonexistent\"\nreport.dkim_selector = \"s\"",
                "report.dkim_key: there is no file '/nonexistent'"
            ),
            (
                "report.dkim_key = \"/etc/passwd\"\nreport.dkim_selector = \"s\"",
                "report.dkim_key: DKIM key /etc/passwd holds no private key in PEM form without a passphrase"
            ),
            ("tls.ca_file = \"/nonexistent\"", "tls.ca_file: there is no file '/nonexistent'"),
            ("store.path = \"/var/lib/x-sts/a.sqlite\"", nil),
        ] as [(String, String?)])
    func obstacles(_ text: String, _ obstacle: String?) throws {
        #expect(try read(text).obstacles.map(\.description) == (obstacle.map { ["test.toml:1: \($0)"] } ?? []))
    }

    @Test("the control socket may be written as other sockets are")
    func controlSocket() throws {
        for text in ["/run/a/b.sock", "unix:/run/a/b.sock", "local:/run/a/b.sock"] {
            #expect(try read("control.socket = \"\(text)\"").controlSocket == "/run/a/b.sock")
        }
        #expect(try read("control.socket = \"\"").controlSocket == nil)
    }

    @Test(
        "the control socket is found by itself, whatever is wrong with other lines",
        arguments: [
            ("[control]\nsocket = \"/run/x\"\n[milter]\n[milter]\n", "/run/x"),
            ("control.socket = \"unix:/run/x\"  # here\nnonsense", "/run/x"),
            ("[milter]\nsocket = \"/run/m\"\n[[rule]]\ncontrol.socket = \"/run/y\"\nx", "/run/sts-milter/control.sock"),
            ("[control]\nsocket = \"x\"\n", "/run/sts-milter/control.sock"), ("[control]\nsocket = \"\"\n=", nil),
            ("[control]\n#socket = \"/run/x\"\n=", "/run/sts-milter/control.sock"),
        ] as [(String, String?)])
    func controlSocketAlone(_ text: String, _ socket: String?) throws {
        let directory = try TemporaryDirectory()
        let source = SettingsSource(path: try directory.write("sts-milter.toml", text))
        #expect(throws: SettingsError.self) { try source.read() }
        #expect(source.readControlSocket().controlSocket == socket)
        #expect(
            SettingsSource(path: directory.path + "/none").readControlSocket().controlSocket
                == "/run/sts-milter/control.sock")
    }

    @Test("on_violation = \"log\" is a dry run of milter and map, in which doubt holds nothing either unless it is set")
    func dryRun() throws {
        let usual = try read("")
        #expect(!usual.isDryRun && !usual.mapAnswers.isDryRun && usual.milter.onUnproven == nil)
        #expect(usual.milter.onUnprovenDANE == .defer)
        let dry = try read("on_violation = \"log\"\n")
        #expect(dry.isDryRun && dry.mapAnswers.isDryRun)
        #expect(dry.milter.onUnproven == .accept && dry.milter.onUnprovenDANE == .accept)
        let mixed = try read("on_violation = \"log\"\non_unproven = \"defer\"\n")
        #expect(mixed.isDryRun && mixed.milter.onUnproven == .defer && mixed.milter.onUnprovenDANE == .defer)
        #expect(try !read("[[rule]]\nport = 587\non_violation = \"log\"\n").isDryRun)
    }

    @Test(
        "durations are read and written in whole units",
        arguments: [
            ("3s", 3, "3s"), ("60s", 60, "1m"), ("5m", 300, "5m"), ("90m", 5400, "90m"), ("24h", 86_400, "24h"),
            ("1d", 86_400, "24h"), ("60d", 5_184_000, "60d"), ("0s", 0, "0s"), ("36600d", 3_162_240_000, "36600d"),
        ])
    func durations(_ text: String, _ seconds: Int64, _ written: String) throws {
        let duration = try #require(Duration(written: text))
        #expect(duration == .seconds(seconds) && duration.written == written)
    }

    @Test(
        "other texts are no durations",
        arguments: ["", "s", "3", "-3s", "3 s", "3.5s", "3w", "36601d", "99999999999999999999d"])
    func noDurations(_ text: String) { #expect(Duration(written: text) == nil) }
}
