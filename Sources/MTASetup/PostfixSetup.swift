// SPDX-License-Identifier: Apache-2.0
import Basics
import MTACheck
import Settings

/// The plan for a Postfix on this machine, pure.
package struct PostfixSetup {
    /// Findings of which setup takes the cure although mail would flow without; the others are for who knows the site.
    private static let takenAdvice: Set = ["milter-local-mail", "map-form", "map-unused", "tls-log", "mx-patterns"]
    /// Each round cures what showed in the one before.
    static let maxRounds = 8
    /// Where postconf(1) looks unless it is told otherwise.
    private static let usualDirectory = "/etc/postfix"
    /// Our directory below Postfix's queue directory, which a chrooted smtpd and smtp see.
    private static let directory = "sts-milter"
    /// Where Postfix's own documentation has the TLSRPT socket, below the queue directory.
    private static let tlsrptSocket = "run/tlsrpt/tlsrpt.sock"

    private let facts: PostfixFacts
    private let options: SetupOptions
    private var ours: SetupSettings

    private init(_ facts: PostfixFacts, _ options: SetupOptions) throws(SettingsError) {
        self.facts = facts
        self.options = options
        ours = try SetupSettings(options)
    }

    /// - Throws: what is wrong with the settings file as it is, or ``SetupError`` if setup cannot change it.
    package static func plan(for facts: PostfixFacts, _ options: SetupOptions) throws -> SetupPlan {
        var setup = try PostfixSetup(facts, options)
        return try setup.plan()
    }

    private mutating func plan() throws(SetupError) -> SetupPlan {
        var plan = SetupPlan()
        if let mail = facts.mailWithoutSMTP {
            plan.remarks.append(mail.text)
            guard mail.hasExceptions else { return plan }
        }
        giveSettings()
        let settings: Settings
        (plan.settingsFiles, settings) = try ours.applied()
        plan.settings = ours.changes
        if facts.directory != Self.usualDirectory { plan.postconf = "postconf -c \(facts.directory)" }
        (plan.mta, plan.left) = parameters(expecting: ExpectedConfiguration(settings))
        plan.replaces = replaced(plan.mta)
        plan.tables = tables(plan.mta)
        if options.machine.hasSystemd { plan.files = options.machine.missing(parts(settings).flatMap(\.files)) }
        if case .unix(let path)? = settings.policyMap?.socket {
            plan.map = "socketmap:unix:\(path):\(usesTLSRPT ? "postfix-tlsrpt" : "postfix")"
        }
        return plan
    }

    private var usesTLSRPT: Bool { facts.version.map { $0 >= .withTLSRPT } ?? false }

    // MARK: Our settings

    private mutating func giveSettings() {
        let place = "unix:\(facts.queueDirectory)/\(Self.directory)"
        ours.giveViolations()
        ours.give("milter.socket", quotedText("\(place)/milter.sock"), "no other local user can reach it")
        ours.give("policy_map.socket", quotedText("\(place)/map.sock"), "asked by Postfix at each delivery")
        if usesTLSRPT {
            ours.give(
                "intake.tlsrpt_socket", quotedText("\(facts.queueDirectory)/\(Self.tlsrptSocket)"),
                "Postfix \(facts.versionText ?? "") tells of each TLS handshake there, for reports")
        }
        ours.give(
            "intake.postfix_log", quotedText(options.machine.mailLog ?? "journal"), "how deliveries went, for reports")
        // Without DNSSEC in Postfix dane-only would defer the mail.
        if facts["smtp_dns_support_level"].lowercased() != "dnssec" {
            ours.give("policy_map.dane", "false", "Postfix does no DNSSEC here (smtp_dns_support_level)")
        }
        ours.giveContact(ownDomain)
        let greeting = facts["smtp_helo_name"].isEmpty ? facts["myhostname"] : facts["smtp_helo_name"]
        ours.giveHeloName(greeting, of: "Postfix")
    }

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
        var facts = facts
        var changes: [SetupPlan.Change] = []
        for _ in 0..<Self.maxRounds {
            var isDone = true
            for finding in MTAReport(facts, expecting: settings).findings where mayCure(finding) {
                for line in finding.cure?.lines ?? [] {
                    guard let equals = line.firstIndex(of: "=") else { continue }
                    let name = line[..<equals].trimmed
                    let value = line[line.index(after: equals)...].trimmed
                    facts.set(name, to: value)
                    changes.removeAll { $0.name == name }
                    changes.append(.init(file: facts.mainFile, name: name, value: value, reason: finding.text))
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

    /// Maps of other programs that judge by MTA-STS, and that Postfix asks no longer.
    private func replaced(_ changes: [SetupPlan.Change]) -> [String] {
        guard let value = changes.first(where: { $0.name == Self.maps })?.value else { return [] }
        let others = PostfixMap.list(facts[Self.maps]).filter(\.isOtherPolicyProgram)
        return others.map(\.text).filter { value.firstRange(of: $0) == nil }
    }

    /// The site's own tables, as postmap(1) takes them: it does not look for a socket below the queue directory.
    private func tables(_ changes: [SetupPlan.Change]) -> [String] {
        let value = changes.first { $0.name == Self.maps }?.value ?? facts[Self.maps]
        return PostfixList.elements(value).map {
            $0.replacing("socketmap:unix:", with: "socketmap:unix:\(facts.queueDirectory)/")
                .replacing("socketmap:unix:\(facts.queueDirectory)//", with: "socketmap:unix:/")
        }
    }

    // MARK: The system

    private func parts(_ settings: Settings) -> [OptionalPart] {
        let group = facts["mail_owner"].isEmpty ? "postfix" : facts["mail_owner"]
        var parts: [OptionalPart] = [
            .postfixSockets(directory: "\(facts.queueDirectory)/\(Self.directory)", group: group)
        ]
        if let socket = settings.intake.datagramSocket, let slash = socket.lastIndex(of: "/") {
            parts.append(.postfixDatagrams(directory: String(socket[..<slash]), group: group))
        }
        switch settings.intake.postfixLog {
        case .journal: parts.append(.mailJournal)
        case .file: parts.append(.mailLog)
        case nil: break
        }
        return parts
    }
}

extension Substring {
    var trimmed: String {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
