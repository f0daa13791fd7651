// SPDX-License-Identifier: Apache-2.0
import Foundation
import MTACheck
import Testing
@testable import MTASetup

@Suite("The plan for a Sendmail")
struct SendmailSetupTests {
    private static let macros = """
        include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
        OSTYPE(`debian')dnl
        MAILER_DEFINITIONS
        MAILER(`local')dnl

        """
    private static let main = "/etc/sts-milter/sts-milter.toml"
    private static let program = """
        Version 8.17.1.9
         Compiled with: DNSMAP MILTER SOCKETMAP STARTTLS
           FFR Defines: _FFR_MTA_STS _FFR_RHS
          (canonical domain name) $j = mta.example.org
                 (subdomain name) $m = example.org
        """

    private static func facts(_ more: String = "", program: String? = program) -> SendmailFacts {
        var facts = SendmailFacts(text: "DZ8.17.1.9\n" + more, file: "/etc/mail/sendmail.cf")
        if let program { facts.read(program: program) }
        return facts
    }

    private static func plan(_ facts: SendmailFacts, settings: String = "", macros: String = macros) throws -> SetupPlan
    {
        try SendmailSetup.plan(
            for: facts, .init(file: "/etc/mail/sendmail.mc", text: macros),
            SetupOptions(
                enforces: false, settingsFile: main, settings: [.init(name: main, text: settings)],
                machine: SetupMachine(mailLog: "/var/log/mail.log", hasSystemd: true)))
    }

    private static func values(_ changes: [SetupPlan.Change]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: changes.map { ($0.name, $0.value) })
    }

    @Test("sets milter, map, authorities, deliveries and reports, and leaves nothing that check-mta calls a problem")
    func fresh() throws {
        let plan = try Self.plan(Self.facts())
        #expect(
            Self.values(plan.settings) == [
                "on_violation": "\"log\"", "milter.socket": "\"unix:/run/sts-milter/milter.sock\"",
                "policy_map.socket": "\"unix:/run/sts-milter/map.sock\"",
                "intake.sendmail_log": "\"/var/log/mail.log\"", "tls.security_level": "2",
                "report.contact_info": "\"postmaster@example.org\"",
                "report.organization_name": "\"example.org\"", "network.helo_name": "\"mta.example.org\"",
            ])
        #expect(
            Set(plan.mta.map(\.value)) == [
                "INPUT_MAIL_FILTER(`sts-milter', `S=local:/run/sts-milter/milter.sock, F=T, T=C:5m;S:10s;R:10s;E:5m')dnl",
                "FEATURE(`sts_milter', `local:/run/sts-milter/map.sock')dnl",
                "define(`confCACERT', `/etc/ssl/certs/ca-certificates.crt')dnl",
                "define(`confCACERT_PATH', `/etc/ssl/certs')dnl",
            ])
        #expect(!plan.left.contains { $0.severity == .problem }, "\(plan.left)")
        #expect(plan.map == "sts" && plan.remarks.isEmpty)
        #expect(
            plan.files.map(\.path) == [
                "/etc/systemd/system/sts-milter.service.d/mail-log.conf",
                "/usr/share/sendmail/cf/feature/sts_milter.m4",
            ])
        #expect(plan.mtaFiles.map(\.path) == ["/etc/mail/sendmail.mc"])
    }

    @Test("is empty once it was carried out")
    func again() throws {
        let first = try Self.plan(Self.facts())
        var facts = Self.facts()
        for change in first.mta { facts.take(macro: change.value) }
        let files = first.files + first.settingsFiles
        let second = try SendmailSetup.plan(
            for: facts, .init(file: "/etc/mail/sendmail.mc", text: first.mtaFiles[0].text),
            SetupOptions(
                enforces: false, settingsFile: Self.main,
                settings: first.settingsFiles.map { .init(name: $0.path, text: $0.text) },
                machine: SetupMachine(mailLog: nil, hasSystemd: true) { path in files.first { $0.path == path }?.text })
        )
        #expect(second.isEmpty, "\(second.text)")
    }

    @Test(
        "where Sendmail cannot ask a map, or should not, the milter is alone and that is said",
        arguments: [
            ("", program.replacing("_FFR_MTA_STS ", with: ""), "not built with _FFR_MTA_STS"),
            ("DS[relay.example.org]\n", program, "all mail goes to [relay.example.org] (SMART_HOST)"),
        ])
    func withoutMap(_ more: String, _ program: String, _ reason: String) throws {
        let plan = try Self.plan(Self.facts(more, program: program))
        #expect(plan.text.contains("no policy map: \(reason)") || plan.text.contains(reason), "\(plan.text)")
        #expect(plan.map == nil && Self.values(plan.settings)["policy_map.socket"] == nil)
        #expect(plan.mta.map(\.value).filter { $0.contains("sts_milter") }.isEmpty)
        #expect(plan.mta.contains { $0.value.hasPrefix("INPUT_MAIL_FILTER(`sts-milter'") })
    }

    @Test("another filter is kept, and one for us under another name is left to its owner")
    func filters() throws {
        let other = try Self.plan(Self.facts("Xclam, S=local:/run/clam, F=T\nO InputMailFilters=clam\n"))
        #expect(other.mta.contains { $0.value.hasPrefix("INPUT_MAIL_FILTER(`sts-milter'") })
        let own = try Self.plan(
            Self.facts("Xmine, S=local:/run/sts-milter/milter.sock, F=R\nO InputMailFilters=mine\n"))
        #expect(!own.mta.contains { $0.value.hasPrefix("INPUT_MAIL_FILTER") })
        #expect(own.left.contains { $0.topic == "milter-failure" })
    }

    @Test("Sendmail's own list of ciphers, with a level, says which keys it takes")
    func keys() throws {
        let plan = try Self.plan(Self.facts("O CipherList=DEFAULT:@SECLEVEL=1\n"))
        #expect(Self.values(plan.settings)["tls.security_level"] == nil)
    }

    @Test("the feature is contrib's")
    func feature() throws {
        let contrib = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("contrib/sendmail/feature/sts_milter.m4")
        #expect(try String(contentsOf: contrib, encoding: .utf8) == SendmailFeature.text)
    }
}
