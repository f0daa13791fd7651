// SPDX-License-Identifier: Apache-2.0
import Basics
import MTACheck
import Settings

/// The plan for a Postfix on this machine, pure.
package struct PostfixSetup {
    /// Findings of which setup takes the cure although mail would flow without; the others are for who knows the site.
    private static let takenAdvice: Set = ["milter-local-mail", "map-form", "map-unused", "tls-log", "mx-patterns"]
    /// Each round cures what showed in the one before.
    private static let maxRounds = 8
    /// Our directory below Postfix's queue directory, which a chrooted smtpd and smtp see.
    private static let directory = "sts-milter"
    /// Where Postfix's own documentation has the TLSRPT socket, below the queue directory.
    private static let tlsrptSocket = "run/tlsrpt/tlsrpt.sock"
    /// Datagrams that the kernel keeps for us; its own default of 10 is a busy second's at most.
    private static let queueLength = 512
    private static let unitDirectory = "/etc/systemd/system/sts-milter.service.d"

    private let facts: PostfixFacts
    private let options: SetupOptions
    private let file: SettingsFile
    /// What the settings file says now.
    private let present: Settings

    private init(_ facts: PostfixFacts, _ options: SetupOptions) throws(SettingsError) {
        self.facts = facts
        self.options = options
        file = try SettingsFile(text: options.settingsText, name: options.settingsFile)
        present = try Settings(file)
    }

    /// - Throws: what is wrong with the settings file as it is, or ``SetupError`` if setup cannot change it.
    package static func plan(for facts: PostfixFacts, _ options: SetupOptions) throws -> SetupPlan {
        try PostfixSetup(facts, options).plan()
    }

    private func plan() throws -> SetupPlan {
        var plan = SetupPlan(settingsFile: options.settingsFile, mtaFile: facts.mainFile)
        plan.settings = settings()
        var text = SettingsText(options.settingsText)
        for change in plan.settings { text.set(change.name, to: change.value) }
        plan.settingsText = text.text
        let settings: Settings
        do {
            settings = try Settings(SettingsFile(text: plan.settingsText, name: options.settingsFile))
            for change in plan.settings where !(try isGiven(change, in: plan.settingsText)) {
                throw SetupError("\(change.name) is not where setup would write it")
            }
        } catch {
            throw SetupError(
                "\(options.settingsFile) cannot be changed by setup (\(error)): write these lines yourself, and run setup again:\n"
                    + plan.settings.map { "\($0.name) = \($0.value)" }.joined(separator: "\n"))
        }
        (plan.parameters, plan.left) = parameters(expecting: ExpectedConfiguration(settings))
        if options.machine.hasSystemd { plan.files = files(settings) }
        if case .unix(let path)? = settings.policyMap?.socket {
            plan.map = "socketmap:unix:\(path):\(usesTLSRPT ? "postfix-tlsrpt" : "postfix")"
        }
        return plan
    }

    /// Whether a key stands there with this value, and not in some other table or text.
    private func isGiven(_ change: SetupPlan.Change, in text: String) throws -> Bool {
        let written = try SettingsFile(text: text, name: options.settingsFile)
        guard written.gives(change.name) else { return false }
        var again = SettingsText(text)
        again.set(change.name, to: change.value)
        return again.text == text
    }

    private var usesTLSRPT: Bool { facts.version.map { $0 >= .withTLSRPT } ?? false }

    // MARK: Our settings

    private func settings() -> [SetupPlan.Change] {
        var changes: [SetupPlan.Change] = []
        func give(_ key: String, _ value: String, _ reason: String) {
            if !file.gives(key) { changes.append(.init(name: key, value: value, reason: reason)) }
        }
        let place = "unix:\(facts.queueDirectory)/\(Self.directory)"
        changes += violations
        give("milter.socket", tomlString("\(place)/milter.sock"), "no other local user can reach it")
        give("policy_map.socket", tomlString("\(place)/map.sock"), "asked by Postfix at each delivery")
        if usesTLSRPT {
            give(
                "intake.tlsrpt_socket", tomlString("\(facts.queueDirectory)/\(Self.tlsrptSocket)"),
                "Postfix \(facts.versionText ?? "") tells of each TLS handshake there, for reports")
        }
        give("intake.postfix_log", tomlString(options.machine.mailLog ?? "journal"), "how deliveries went, for reports")
        // Without DNSSEC in Postfix dane-only would defer the mail.
        if !doesDANE { give("policy_map.dane", "false", "Postfix does no DNSSEC here (smtp_dns_support_level)") }
        if let domain = ownDomain {
            give("report.contact_info", tomlString("postmaster@\(domain)"), "whom receivers of reports may ask")
            give("report.organization_name", tomlString(domain.ascii), "who we are in reports")
        }
        let greeting = facts["smtp_helo_name"].isEmpty ? facts["myhostname"] : facts["smtp_helo_name"]
        if let name = try? DomainName(greeting), name.labelCount > 1 {
            give("network.helo_name", tomlString(name.ascii), "probes greet MX hosts as Postfix does")
        }
        return changes
    }

    private var violations: [SetupPlan.Change] {
        let key = "on_violation"
        if options.enforces {
            guard present.milter.onViolation == .log else { return [] }
            return [.init(name: key, value: tomlString("defer"), reason: "mail that would break a policy waits")]
        }
        guard !file.gives(key) else { return [] }
        return [
            .init(name: key, value: tomlString("log"), reason: "a dry run: nothing is held back until setup --enforce")
        ]
    }

    private var doesDANE: Bool { facts["smtp_dns_support_level"].lowercased() == "dnssec" }

    /// The site's domain, unless Postfix made it up.
    private var ownDomain: DomainName? {
        let domain = try? DomainName(facts["mydomain"])
        return domain.flatMap { $0.labelCount == 1 || $0.ascii == "localdomain" ? nil : $0 }
    }

    // MARK: main.cf

    /// What the rules want, parameter by parameter, and what they still find then.
    private func parameters(
        expecting settings: ExpectedConfiguration
    ) -> (changes: [SetupPlan.Change], left: [Diagnostic]) {
        let tables = ownTables
        var facts = facts
        facts.parameters[Self.maps] = facts[Self.maps].isEmpty || asksUs(settings) ? facts[Self.maps] : ""
        var changes: [SetupPlan.Change] = []
        for _ in 0..<Self.maxRounds {
            var isDone = true
            for finding in MTAReport(facts, expecting: settings).findings where mayCure(finding) {
                for line in finding.cure?.lines ?? [] {
                    guard let equals = line.firstIndex(of: "=") else { continue }
                    let name = line[..<equals].trimmed
                    var value = line[line.index(after: equals)...].trimmed
                    facts.set(name, to: value)
                    if name == Self.maps { value = (tables + [value]).joined(separator: ", ") }
                    changes.removeAll { $0.name == name }
                    changes.append(.init(name: name, value: value, reason: finding.text))
                    isDone = false
                }
            }
            if isDone { break }
        }
        return (changes, MTAReport(facts, expecting: settings).findings)
    }

    private static let maps = "smtp_tls_policy_maps"

    private func mayCure(_ finding: Diagnostic) -> Bool {
        guard finding.cure?.file == facts.mainFile else { return false }
        return finding.severity == .problem || Self.takenAdvice.contains(finding.topic)
    }

    private func asksUs(_ settings: ExpectedConfiguration) -> Bool {
        !MTAReport(facts, expecting: settings).findings.contains { $0.topic.hasPrefix("map-") }
    }

    /// Tables of the site's own, which come before ours; other programs' socketmaps make way.
    private var ownTables: [String] {
        let elements = facts[Self.maps].split { $0 == "," || $0.isWhitespace }.map(String.init)
        return elements.filter { !$0.hasPrefix("socketmap:") && !$0.hasPrefix("proxy:socketmap:") }
    }

    // MARK: Files

    private func files(_ settings: Settings) -> [SetupPlan.File] {
        let owner = facts["mail_owner"].isEmpty ? "postfix" : facts["mail_owner"]
        var directories = ["\(facts.queueDirectory)/\(Self.directory)"]
        var groups: [String] = []
        switch settings.intake.postfixLog {
        case .journal: groups.append("systemd-journal")
        case .file: groups.append("adm")
        case nil: break
        }
        var files: [SetupPlan.File] = []
        if let socket = settings.intake.datagramSocket, let slash = socket.lastIndex(of: "/") {
            directories.append(String(socket[..<slash]))
            files.append(
                .init(
                    path: "/etc/sysctl.d/60-sts-milter.conf",
                    text: Self.remark + "net.unix.max_dgram_qlen = \(Self.queueLength)\n",
                    reason: "how many of Postfix's datagrams the kernel keeps for us"))
        }
        var lines = directories.flatMap { directory in
            [
                "ExecStartPre=+/usr/bin/install -d -o sts-milter -g \(owner) -m 2750 \(directory)",
                "ReadWritePaths=-\(directory)",
            ]
        }
        if !groups.isEmpty { lines.append("SupplementaryGroups=\(groups.joined(separator: " "))") }
        files.append(
            .init(
                path: "\(Self.unitDirectory)/setup.conf",
                text: Self.remark + "[Service]\n" + lines.map { $0 + "\n" }.joined(),
                reason:
                    "the directories of the sockets, which Postfix sees from its chroot, and the right to read the log")
        )
        return files
    }

    private static let remark =
        "# Written by \"sts-milter setup postfix\"; \"sts-milter setup postfix --undo\" removes it.\n"
}

extension Substring {
    fileprivate var trimmed: String {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
