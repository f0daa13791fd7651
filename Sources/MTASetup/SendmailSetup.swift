// SPDX-License-Identifier: Apache-2.0
import Basics
import MTACheck
import Settings

/// The plan for a Sendmail on this machine, pure.
package struct SendmailSetup {
    /// Findings of which setup takes the cure although mail would flow without.
    private static let takenAdvice: Set = ["map-unused"]
    /// The unit makes it; Sendmail has no chroot.
    private static let directory = "unix:/run/sts-milter"
    /// What Debian builds OpenSSL with: of RSA keys 2048 bits.
    private static let securityLevel = "2"

    /// What of Sendmail's sources the plan changes.
    package struct Source: Sendable {
        /// The path of sendmail.mc.
        package var file: String
        package var text: String
        /// Where its features lie; nil for the folder that the text includes.
        package var features: String?

        package init(file: String, text: String, features: String? = nil) {
            self.file = file
            self.text = text
            self.features = features
        }
    }

    private let facts: SendmailFacts
    private let source: Source
    private let options: SetupOptions
    private var ours: SetupSettings

    private init(_ facts: SendmailFacts, _ source: Source, _ options: SetupOptions) throws(SettingsError) {
        self.facts = facts
        self.source = source
        self.options = options
        ours = try SetupSettings(options)
    }

    /// - Throws: what is wrong with the settings file as it is, or ``SetupError`` if setup cannot change a file.
    package static func plan(
        for facts: SendmailFacts, _ source: Source, _ options: SetupOptions
    ) throws -> SetupPlan {
        var setup = try SendmailSetup(facts, source, options)
        return try setup.plan()
    }

    private mutating func plan() throws(SetupError) -> SetupPlan {
        var plan = SetupPlan()
        if let obstacle {
            plan.remarks.append(
                "no policy map: \(obstacle). The milter guards alone, and one bad host of several defers the mail.")
        }
        giveSettings()
        let settings: Settings
        (plan.settingsFiles, settings) = try ours.applied()
        plan.settings = ours.changes
        let file: MacroFile
        (file, plan.mta, plan.left) = try macros(expecting: ExpectedConfiguration(settings))
        if options.machine.hasSystemd { plan.files = options.machine.missing(parts(settings).flatMap(\.files)) }
        if !plan.mta.isEmpty {
            plan.mtaFiles = [.init(path: source.file, text: file.text, reason: "sendmail.mc")]
        }
        if settings.policyMap != nil, obstacle == nil {
            plan.map = "sts"
            try addFeature(to: &plan, file)
        }
        return plan
    }

    /// What keeps this Sendmail from asking a policy map.
    private var obstacle: String? {
        if facts.knowsPolicyMaps == false { return SendmailFacts.lacksMaps }
        return facts.smartHost.isEmpty ? nil : "all mail goes to \(facts.smartHost) (SMART_HOST)"
    }

    // MARK: Our settings

    private mutating func giveSettings() {
        ours.giveViolations()
        ours.give("milter.socket", quotedText("\(Self.directory)/milter.sock"), "no other local user can reach it")
        if obstacle == nil {
            ours.give(
                "policy_map.socket", quotedText("\(Self.directory)/map.sock"), "asked by Sendmail at each delivery")
        }
        ours.give(
            "intake.sendmail_log", quotedText(options.machine.mailLog ?? "journal"), "how deliveries went, for reports")
        if facts["CipherList"].uppercased().firstRange(of: "SECLEVEL") == nil {
            ours.give(
                "tls.security_level", Self.securityLevel, "keys as short as Sendmail's OpenSSL takes, and no shorter")
        }
        ours.giveContact(ownDomain)
        let greeting = facts["HeloName"].isEmpty ? hostName : facts["HeloName"]
        ours.giveHeloName(greeting, of: "Sendmail")
    }

    /// The name that Sendmail has from its file, or finds.
    private var hostName: String {
        facts.domainName.isEmpty || facts.domainName.contains("$" as Character) ? facts.hostName : facts.domainName
    }

    /// The site's domain: that of the machine, or of its name.
    private var ownDomain: DomainName? {
        let parent = hostName.split(separator: ".").dropFirst().joined(separator: ".")
        let domain = try? DomainName(facts.hostDomain.isEmpty ? parent : facts.hostDomain)
        return domain.flatMap { $0.labelCount == 1 || $0.ascii == "localdomain" ? nil : $0 }
    }

    // MARK: sendmail.mc

    /// What the rules want, line by line, and what they still find then.
    private func macros(
        expecting settings: ExpectedConfiguration
    ) throws(SetupError) -> (file: MacroFile, lines: [SetupPlan.Change], left: [Diagnostic]) {
        var facts = facts
        var file = MacroFile(source.text)
        var lines: [SetupPlan.Change] = []
        for _ in 0..<PostfixSetup.maxRounds {
            let cures = MTAReport(facts, expecting: settings).findings.filter { mayCure($0, facts) }
            for finding in cures {
                for line in finding.cure?.lines ?? [] where !line.hasPrefix("dnl") {
                    guard !lines.contains(where: { $0.value == line }) else { continue }
                    try file.set(line)
                    facts.take(macro: line)
                    lines.append(.init(file: source.file, name: "", value: line, reason: finding.text))
                }
            }
            if cures.isEmpty { break }
        }
        return (file, lines, MTAReport(facts, expecting: settings).findings)
    }

    private func mayCure(_ finding: Diagnostic, _ facts: SendmailFacts) -> Bool {
        guard finding.cure?.file == "sendmail.mc" else { return false }
        // A filter of another name is somebody's own: ours beside it would ask twice.
        if finding.topic.hasPrefix("milter-"), finding.topic != "milter-missing", finding.topic != "milter-macros",
            !facts.filters.contains(where: { $0.name == SendmailFacts.ownFilter })
        {
            return false
        }
        return finding.severity == .problem || Self.takenAdvice.contains(finding.topic)
    }

    /// The feature's own file, where Sendmail's are.
    private func addFeature(to plan: inout SetupPlan, _ file: MacroFile) throws(SetupError) {
        guard let folder = source.features ?? file.macroFolder.map({ $0 + "/feature" }) else {
            throw SetupError("\(source.file) includes no cf.m4: name the folder of Sendmail's features by --features")
        }
        let feature = SetupPlan.File(
            path: "\(folder)/sts_milter.m4", text: SendmailFeature.text, reason: "what FEATURE(`sts_milter') is")
        plan.files += options.machine.missing([feature])
    }

    // MARK: The system

    private func parts(_ settings: Settings) -> [OptionalPart] {
        switch settings.intake.sendmailLog {
        case .journal: [.mailJournal]
        case .file: [.mailLog]
        case nil: []
        }
    }
}
