// SPDX-License-Identifier: Apache-2.0

/// Something in an MTA's configuration that is missing or does not fit our own settings.
package struct Diagnostic: Sendable, Hashable, Encodable {
    package enum Severity: String, Sendable, Encodable {
        /// Mail is not guarded, or is held back that should not be.
        case problem
        /// It works, but not as well as it could.
        case advice
    }

    /// Lines to paste, and the file they belong to.
    package struct Cure: Sendable, Hashable, Encodable {
        package let file: String
        package let lines: [String]

        package init(_ file: String, lines: [String]) {
            self.file = file
            self.lines = lines
        }

        package init(_ file: String, _ lines: String...) { self.init(file, lines: lines) }
    }

    package let severity: Severity
    /// A name that stays the same over versions, such as `milter-missing`.
    package let topic: String
    package let text: String
    package let cure: Cure?

    package static func problem(_ topic: String, _ text: String, _ cure: Cure? = nil) -> Self {
        Self(severity: .problem, topic: topic, text: text, cure: cure)
    }

    package static func advice(_ topic: String, _ text: String, _ cure: Cure? = nil) -> Self {
        Self(severity: .advice, topic: topic, text: text, cure: cure)
    }
}

/// What was found in the configuration of one MTA.
package struct MTAReport: Sendable, Encodable {
    /// `postfix` or `sendmail`.
    package let mta: String
    /// As the MTA writes it; nil if it could not be told.
    package let version: String?
    /// Problems first.
    package let findings: [Diagnostic]

    /// Says what of a Postfix's configuration is missing or contradicts our own settings.
    package init(_ facts: PostfixFacts, expecting settings: ExpectedConfiguration) {
        mta = "postfix"
        version = facts.versionText
        findings = ordered(PostfixRules(facts: facts, settings: settings).findings)
    }

    /// Says what of a sendmail.cf is missing or contradicts our own settings.
    package init(_ facts: SendmailFacts, expecting settings: ExpectedConfiguration) {
        mta = "sendmail"
        version = facts.versionText
        findings = ordered(SendmailRules(facts: facts, settings: settings).findings)
    }

    package var hasProblems: Bool { findings.contains { $0.severity == .problem } }

    /// The report for a terminal, ending with a line feed.
    package var text: String {
        var lines = ["\(mta) \(version ?? "of an unknown version"): \(conclusion)"]
        for finding in findings {
            lines.append("\n\(finding.severity.rawValue) (\(finding.topic)): \(finding.text)")
            if let cure = finding.cure {
                lines.append("  in \(cure.file):")
                lines += cure.lines.map { "    " + $0 }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var conclusion: String {
        let problems = findings.count { $0.severity == .problem }
        if problems == 0 { return findings.isEmpty ? "nothing is missing" : "nothing is missing; see the advice" }
        return problems == 1 ? "1 problem" : "\(problems) problems"
    }
}

/// Problems first; of several findings with one cure, or with one text, the first.
private func ordered(_ findings: [Diagnostic]) -> [Diagnostic] {
    var cures = Set<Diagnostic.Cure>()
    var texts = Set<String>()
    let single = findings.filter { finding in
        texts.insert(finding.text).inserted && finding.cure.map { cures.insert($0).inserted } ?? true
    }
    return single.filter { $0.severity == .problem } + single.filter { $0.severity == .advice }
}

/// Why a configuration could not be read: the cure is in the text.
package struct MTAUnreadable: Error, Sendable, CustomStringConvertible {
    package let description: String
}
