// SPDX-License-Identifier: Apache-2.0
import Basics

/// The rules on Sendmail, pure: facts in, findings out.
struct SendmailRules {
    /// What Sendmail waits for a milter's reply where `T=` does not say.
    static let replyTimeout = "10s"
    /// What a reply takes beside the lookup itself.
    static let margin: Duration = .seconds(1)
    /// From it on the log tells of TLS; also Sendmail's default.
    static let neededLogLevel = 9
    static let neededMacros = ["{rcpt_mailer}", "{rcpt_host}"]

    let facts: SendmailFacts
    let settings: ExpectedConfiguration

    var findings: [Diagnostic] { milter() + map() + intake() + greeting() }

    func macroFile(_ lines: String...) -> Diagnostic.Cure { Diagnostic.Cure("sendmail.mc", lines: lines) }

    // MARK: Milter

    func milter() -> [Diagnostic] {
        let ours = facts.filters.filter { filter in
            MTAEndpoint(sendmail: (filter.equates["S"] ?? "")[...]).map(settings.milterSocket.answers) ?? false
        }
        guard let filter = ours.first else { return [missing()] }
        let names = Set(ours.map(\.name))
        let daemons = facts.daemonFilters.filter { names.isDisjoint(with: $0.filters) }
        let isAsked =
            !names.isDisjoint(with: facts.inputFilters)
            || facts.daemonFilters.contains { !names.isDisjoint(with: $0.filters) }
        guard isAsked else {
            return [
                .problem(
                    "milter-unused", "the filter \(filter.name) is defined, but InputMailFilters does not name it",
                    macroFile(filterLine))
            ]
        }
        var found = daemons.map { daemon in
            Diagnostic.advice(
                "milter-daemon",
                "daemon \(daemon.daemon): its InputMailFilters leave \(filter.name) out; mail that it takes passes unguarded"
            )
        }
        found += timeout(filter) + failure(filter) + macros()
        return found
    }

    /// The line for sendmail.mc.
    private var filterLine: String {
        let socket = MTAEndpoint(settings.milterSocket)?.sendmail ?? "local:/run/sts-milter/milter.sock"
        let reply = max(10, settings.waitLimit.components.seconds + 3)
        return "INPUT_MAIL_FILTER(`sts-milter', `S=\(socket), F=T, T=C:5m;S:10s;R:\(reply)s;E:5m')dnl"
    }

    private func missing() -> Diagnostic {
        let near = facts.filters.first { filter in
            filter.name.contains("sts") || (filter.equates["S"] ?? "").contains("8890")
        }
        if let near {
            return .problem(
                "milter-socket",
                "the filter \(near.name) has \(near.equates["S"] ?? "no socket"), but sts-milter listens at \(settings.milterSocket)",
                macroFile(filterLine))
        }
        return .problem("milter-missing", "no filter (X line) asks sts-milter", macroFile(filterLine))
    }

    private func timeout(_ filter: SendmailFacts.Filter) -> [Diagnostic] {
        let text = filter.time("R") ?? Self.replyTimeout
        guard let timeout = sendmailTime(text), timeout < settings.waitLimit + Self.margin else { return [] }
        return [
            .problem(
                "milter-timeout",
                "Sendmail waits \(text) for a reply (T=R:), sts-milter lets a recipient wait \(settings.waitLimit.components.seconds) s (milter.lookup_wait): slow domains look like a dead milter",
                macroFile(filterLine))
        ]
    }

    private func failure(_ filter: SendmailFacts.Filter) -> [Diagnostic] {
        switch filter.equates["F"]?.first {
        case "R":
            [.problem("milter-failure", "F=R: mail bounces while sts-milter is down", macroFile(filterLine))]
        case nil:
            [
                .advice(
                    "milter-failure", "no F=: mail passes unguarded while sts-milter is down", macroFile(filterLine))
            ]
        default: []
        }
    }

    /// Since 8.14 a milter asks for its macros itself.
    private func macros() -> [Diagnostic] {
        guard let version = facts.version, version < (8, 14) else { return [] }
        let given = facts["Milter.macros.envrcpt"]
        let missing = Self.neededMacros.filter { !given.contains($0) }
        guard !missing.isEmpty else { return [] }
        return [
            .problem(
                "milter-macros", "Milter.macros.envrcpt lacks \(missing.joined(separator: " and "))",
                macroFile(
                    "define(`confMILTER_MACROS_ENVRCPT', confMILTER_MACROS_ENVRCPT`, \(missing.joined(separator: ", "))')dnl"
                ))
        ]
    }

    // MARK: Intake

    private func intake() -> [Diagnostic] {
        guard settings.intake.sendmailLog != nil, let level = Int(facts["LogLevel"]), level < Self.neededLogLevel else {
            return []
        }
        return [
            .problem(
                "tls-log",
                "intake.sendmail_log is set, but LogLevel = \(level): the log does not say which deliveries used TLS (\(Self.neededLogLevel) does), and none is counted",
                macroFile("define(`confLOG_LEVEL', `\(Self.neededLogLevel)')dnl"))
        ]
    }

    // MARK: Delivery

    /// Some hosts answer by the name that greets them, and DNS lists know it: the probe is to be what the mail is.
    private func greeting() -> [Diagnostic] {
        guard let ours = settings.heloName else { return [] }
        let given = facts["HeloName"]
        let name = given.isEmpty ? facts.domainName : given
        // What holds another macro is known to Sendmail alone.
        guard !name.isEmpty, !name.contains("$"), (try? DomainName(name)) != ours else { return [] }
        return [
            .advice(
                "helo-name",
                "Sendmail greets MX hosts as \(name), sts-milter's probes as \(ours) (network.helo_name): a host may answer them otherwise",
                Diagnostic.Cure("sts-milter.toml", "[network]", "helo_name = \"\(name)\""))
        ]
    }
}
