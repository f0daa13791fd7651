// SPDX-License-Identifier: Apache-2.0

extension FaultTable {
    /// What has a test of its own; a cell that none of its tests looks at is ``Fate/none``.
    static let elsewhere: [Elsewhere] =
        [
            Elsewhere(
                attacker: .names, fault: "TLSA or MX records whose signatures do not hold",
                fates: Fates(.none, .heldAtReception, .none, .heldAtReception),
                tests: ["VerdictScenarios.dane", "MapScenarios.dane"]),
            Elsewhere(
                attacker: .names,
                fault: "an MX record that names an address, or a host outside the policy that is down",
                fates: Fates(.none, .heldAtReception, .none, .none), tests: ["VerdictScenarios.strangers"]),
            Elsewhere(
                attacker: .names, fault: "the TXT record hidden, a preload list names the domain",
                fates: Fates(.none, .heldAtReception, .none, .none),
                tests: ["StandingScenarios.list", "StandingScenarios.export"]),
            Elsewhere(
                attacker: .domain, fault: "one of two MX hosts is bad",
                fates: Fates(.none, .heldAtReception, .none, .delivered),
                tests: ["VerdictScenarios.enforcement", "MapScenarios.failOver"]),
            Elsewhere(
                attacker: .domain, fault: "one of two MX hosts is bad, the other silent",
                fates: Fates(.none, .heldAtReception, .none, .none), tests: ["LifeScenarios.badBesideTarpit"]),
            Elsewhere(
                attacker: .domain, fault: "policy hosts that hang and an MX host that is silent: mail of others",
                fates: Fates(.asEver, .none, .asEver, .none),
                tests: ["LifeScenarios.slowDomains", "MapLoadScenarios.slowDomains"]),
            Elsewhere(
                attacker: .local, fault: "hundreds of half milter packets and half netstrings", fates: .asEver,
                tests: ["CrowdScenarios.crowds"]),
        ] + ourselves + operators

    private static let ourselves: [Elsewhere] = [
        Elsewhere(
            attacker: .ourselves, fault: "sts-milter is down, and the MTA defers then",
            fates: Fates(.heldAtReception, .none, .heldAtDelivery, .none),
            tests: ["SendmailScenarios.restart", "MapLifeScenarios.restart"]),
        Elsewhere(
            attacker: .ourselves, fault: "killed and started anew, the policy host down, the TXT record gone",
            fates: Fates(.heldAtReception, .none, .heldAtDelivery, .none),
            tests: ["LifeScenarios.restart", "MapLifeScenarios.restart"]),
        Elsewhere(
            attacker: .ourselves, fault: "the disk is full", fates: Fates(.asEver, .asEver, .none, .none),
            tests: ["StoreScenarios.full"]),
        Elsewhere(
            attacker: .ourselves, fault: "the resolver is gone, and the hosts were never looked at",
            fates: Fates(.heldAtReception, .noPolicy, .none, .none), tests: ["ResolverScenarios.gone"]),
        Elsewhere(
            attacker: .ourselves, fault: "the resolver is gone, and the hosts kept the policy within two hours",
            fates: Fates(.delivered, .none, .none, .none), tests: ["ResolverScenarios.gone"]),
    ]

    private static let operators: [Elsewhere] = [
        chosen("mail by sendmail(1)", "milter.local_submission = \"log\"", "ActionScenarios.localSubmission"),
        chosen("an MX host is silent", "on_unproven = \"accept\"", "LifeScenarios.unknownDeferred"),
        chosen("STARTTLS is not offered", "on_violation = \"log\"", "ActionScenarios.actions"),
        chosen("STARTTLS is not offered, a rule exempts the mail", "exempt = true", "ActionScenarios.rules"),
        chosen("STARTTLS is not offered, a `[[policy]]` of yours", "mode = \"none\"", "StandingScenarios.pins"),
        chosen("the message says TLS-Required: No", "milter.tls_required_no = true", "ActionScenarios.tlsRequiredNo"),
    ]

    /// Mail that goes by a setting of the operator's.
    private static func chosen(_ fault: String, _ setting: String, _ test: String) -> Elsewhere {
        Elsewhere(
            attacker: .operator, fault: fault, fates: Fates(.none, .setting(setting), .none, .none), tests: [test])
    }
}
