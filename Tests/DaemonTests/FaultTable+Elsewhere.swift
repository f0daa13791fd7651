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
                tests: ["PolicyOverrideScenarios.list", "PolicyOverrideScenarios.export"]),
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
        ] + crowds + ourselves + localFailure + operators

    private static let crowds: [Elsewhere] = [
        Elsewhere(
            attacker: .domain, fault: "forty names with 32 silent MX hosts each: mail of others",
            fates: .asEver, tests: ["ProbeSharesTests.oneOwner", "ProbeSharesTests.oneBlock"]),
        Elsewhere(
            attacker: .domain, fault: "two hundred names of a policy host that drips: policies of others",
            fates: .asEver, tests: ["FetchSharesTests.shares"]),
        Elsewhere(
            attacker: .domain, fault: "seventy recipients wait for names of one domain: mail of others",
            fates: .asEver, tests: ["MilterServerTests.share"]),
        Elsewhere(
            attacker: .domain, fault: "thousands of names that the DNS never answers: mail of others",
            fates: .asEver, tests: ["DNSLifetimeTests.shares", "SingleFlightTests.share"]),
        Elsewhere(
            attacker: .domain, fault: "thousands of hosts and certificates with long names: memory",
            fates: .asEver,
            tests: ["TTLCacheTests.flood", "PolicyEntriesTests.flood", "MemoryTests.hosts", "MemoryTests.routes"]),
        Elsewhere(
            attacker: .local, fault: "idle connections of another user take all places at the map",
            fates: Fates(.none, .none, .asEver, .asEver),
            tests: ["PolicyMapCrowdTests.greed", "MapCrowdScenarios.crowd"]),
        Elsewhere(
            attacker: .local, fault: "a request to the map that does not end",
            fates: Fates(.none, .none, .asEver, .asEver), tests: ["PolicyMapCrowdTests.halfRequest"]),
        Elsewhere(
            attacker: .local, fault: "a map key that cannot be read and names the domain",
            fates: Fates(.none, .none, .heldAtDelivery, .none), tests: ["PolicyMapCrowdTests.unreadable"]),
        Elsewhere(
            attacker: .local, fault: "mail with the sender of our own reports, to whom no report goes",
            fates: Fates(.heldAtReception, .heldAtReception, .none, .none), tests: ["SessionTests.ownReport"]),
    ]

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

    /// What we lack ourselves, and what befalls what we keep.
    private static let localFailure: [Elsewhere] = [
        Elsewhere(
            attacker: .ourselves, fault: "no room or no descriptors, and the hosts were never looked at",
            fates: Fates(.heldAtReception, .none, .heldAtDelivery, .none),
            tests: ["DescriptorScenarios.none", "ProvenTests.notProven", "AddressEvidenceTests.together"]),
        Elsewhere(
            attacker: .ourselves, fault: "no room or no descriptors, and the route kept the policy within 24 h",
            fates: Fates(.delivered, .none, .delivered, .none),
            tests: ["DescriptorScenarios.none", "ProvenTests.proven", "ProvenTests.timeIsUp"]),
        Elsewhere(
            attacker: .ourselves, fault: "no descriptors for a policy fetch: it is no failure of the host",
            fates: Fates(.asEver, .noPolicy, .asEver, .noPolicy), tests: ["LocalFailureTests.cause"]),
        Elsewhere(
            attacker: .ourselves, fault: "no descriptors at the map",
            fates: Fates(.none, .none, .heldAtDelivery, .heldAtDelivery),
            tests: ["PolicyMapCrowdTests.noDescriptors", "DispatchMonitorTests.busy"]),
        Elsewhere(
            attacker: .ourselves, fault: "500 reloads at random moments", fates: .asEver,
            tests: ["SignalScenarios.storm", "SignalScenarios.mask"]),
        Elsewhere(
            attacker: .ourselves, fault: "a stop in the middle of a reload", fates: .asEver,
            tests: ["SignalScenarios.endInReload", "SignalScenarios.endInStorm"]),
        Elsewhere(
            attacker: .ourselves, fault: "libmilter ends by itself: exit code 70, a restart", fates: .asEver,
            tests: ["SignalScenarios.endByItself", "MilterLifeTests.unaskedEnd"]),
        Elsewhere(
            attacker: .ourselves, fault: "a reload forgets no violation",
            fates: Fates(.heldAtReception, .none, .none, .none),
            tests: ["ProvenTests.reload", "ReloadScenarios.unchanged"]),
        Elsewhere(
            attacker: .ourselves, fault: "nobody reads the log", fates: .asEver,
            tests: ["StuckLogScenarios.fullPipe", "StuckLogScenarios.stuck"]),
        Elsewhere(
            attacker: .ourselves, fault: "the database is removed, moved or cut while we run, then a restart",
            fates: Fates(.asEver, .none, .asEver, .none), tests: ["StoreLossScenarios.lost", "LossTests.mended"]),
        Elsewhere(
            attacker: .ourselves, fault: "the database is gone or empty at the start: no start, the MTA defers",
            fates: Fates(.heldAtReception, .none, .heldAtDelivery, .none),
            tests: ["StoreLossScenarios.missing", "MarkerTests.missed"]),
        Elsewhere(
            attacker: .ourselves, fault: "a stored policy that cannot be read",
            fates: Fates(.heldAtReception, .none, .heldAtDelivery, .none),
            tests: ["StoreLossScenarios.unreadable", "UnreadablePolicyTests.holds"]),
        Elsewhere(
            attacker: .ourselves, fault: "a clock that jumps ahead and back",
            fates: Fates(.asEver, .none, .asEver, .none), tests: ["ClockJumpTests.jump", "SteadyClockTests.jumps"]),
        Elsewhere(
            attacker: .ourselves, fault: "a start with a clock far ahead that nobody keeps right",
            fates: Fates(.asEver, .none, .asEver, .none), tests: ["SteadyClockTests.farAhead"]),
    ]

    private static let operators: [Elsewhere] = [
        chosen("mail by sendmail(1)", "milter.local_submission = \"log\"", "ActionScenarios.localSubmission"),
        chosen("an MX host is silent", "on_unproven = \"accept\"", "LifeScenarios.unknownDeferred"),
        chosen("STARTTLS is not offered", "on_violation = \"log\"", "ActionScenarios.actions"),
        chosen("STARTTLS is not offered, a rule exempts the mail", "exempt = true", "ActionScenarios.rules"),
        chosen("STARTTLS is not offered, a `[[pin]]` of yours", "mode = \"none\"", "PolicyOverrideScenarios.pins"),
        chosen("the message says TLS-Required: No", "milter.tls_required_no = true", "ActionScenarios.tlsRequiredNo"),
    ]

    /// Mail that goes by a setting of the operator's.
    private static func chosen(_ fault: String, _ setting: String, _ test: String) -> Elsewhere {
        Elsewhere(
            attacker: .operator, fault: fault, fates: Fates(.none, .setting(setting), .none, .none), tests: [test])
    }
}
