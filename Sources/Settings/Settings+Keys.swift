// SPDX-License-Identifier: Apache-2.0
import Milter

extension Settings {
    /// Every key of the settings file but those of blocks, in the order of the example file.
    package static let keys: [Setting<Settings>] =
        verdictKeys + milterKeys + policyMapKeys + networkKeys + policyKeys + preloadKeys + probeKeys + storeKeys
        + intakeKeys + reportKeys + fleetKeys + controlKeys + statusKeys

    private static let verdictKeys: [Setting<Settings>] = [
        Setting(
            "enforcement", .choice, to: \.gate.enforcement,
            "Who stands guard over delivery. \"auto\": as \"milter+policy-map\" once the MTA is heard to ask the policy map for the mail that it takes, and as \"milter\" until then and when it no longer asks. \"milter\": the MTA may dial any MX host, so one bad host defers the mail. \"milter+policy-map\": the MTA skips bad hosts by its policy map, so mail is deferred only when no host conforms; needs policy_map.socket."
        ),
        Setting(
            "dane", .choice, to: \.gate.dane,
            "When the milter and check look at DANE. \"policy\": where an MTA-STS policy makes them look. \"always\": also where no policy is enforced, for an MTA that does no DANE itself, such as Debian's Sendmail; needs probe.enabled."
        ),
        Setting(
            "on_violation", .choice, to: \.milter.onViolation,
            "What happens to mail whose route breaks an enforce policy: a 451 for the recipient, the hold queue, or a log line only. \"log\" is a dry run: the policy map, too, answers as if all policies were in mode testing."
        ),
        Setting(
            "on_unknown", .choice, to: \.milter.onUnknown,
            "What happens while it is not known whether a domain has a policy: accept (the lookup goes on for the next mail), or defer."
        ),
        Setting(
            "on_unproven", .choice, to: \.onUnproven, example: "\"defer\"",
            "What happens while an enforce policy is known and the domain's hosts have not been seen to keep it: they do not answer, the MX records cannot be looked up, or there was no time. Default: defer; accept where the policy map guards the delivery (see enforcement), and with on_violation = \"log\"."
        ),
        Setting(
            "watch", .ownDomains, to: \.watched, example: "[\"example.org\"]",
            "Domains of your own that the daemon looks at each day, as others see them: record, policy, MX hosts, certificates and their ends. What is wrong is logged."
        ),
    ]

    private static let milterKeys: [Setting<Settings>] = [
        Setting(
            "milter.socket", .socket, to: \.milter.socket, effect: .restart,
            "Where the MTA finds the milter: inet:PORT@HOST, inet6:PORT@HOST, unix:/PATH or fd:N, or Postfix's inet:HOST:PORT. inet:PORT alone is open to other machines, and there is no login. A unix socket keeps other local users away: contrib/README.md has the path for Postfix's chroot."
        ),
        Setting(
            "milter.socket_mode", .mode, to: \.milter.socketMode, effect: .restart, "Mode of a unix socket, octal."),
        Setting(
            "milter.socket_group", .text, to: \.milter.socketGroup, effect: .restart, example: "\"postfix\"",
            "Group of a unix socket, such as the MTA's."),
        Setting(
            "milter.lookup_wait", .duration, to: \.milter.lookupWait,
            "How long one recipient waits for a lookup; Sendmail gives a reply 10 s."),
        Setting(
            "milter.message_budget", .duration, to: \.milter.messageBudget,
            "How long all recipients of one message wait together."),
        Setting(
            "milter.max_waiting", .number(1...10_000), to: \.milter.maxWaiting,
            "Recipients that may wait at one time; more are answered as unknown at once. Once half wait, an eighth at most for names of one domain."
        ),
        Setting(
            "milter.local_submission", .choice, to: \.milter.localSubmission,
            "Mail by sendmail(1) and cron on Postfix: log only, or defer (it stays in maildrop and is retried at each scan)."
        ),
        Setting(
            "milter.transports", .names(inOrder: MilterSettings.defaultTransports), to: \.milter.transports,
            "Names of the MTA's transports ({rcpt_mailer}) that deliver by SMTP; mail by others is not judged."),
        Setting(
            "milter.tls_required_no", .flag, to: \.milter.tlsRequiredNo, effect: .restart,
            "Let a message with the header \"TLS-Required: No\" (RFC 8689) through. Where a policy map guards the delivery, recipients whose routes break their policies are left to it. Without one, verdicts are given at the end of the message, and one such recipient defers the whole."
        ),
    ]

    private static let policyMapKeys: [Setting<Settings>] = [
        Setting(
            "policy_map.socket", .socket, to: \.policyMapSocket, effect: .restart,
            example: "\"unix:/var/spool/postfix/sts-milter/map.sock\"",
            "Where the MTA finds the policy map, in the forms of milter.socket. Default: the map is not served."),
        Setting(
            "policy_map.socket_mode", .mode, to: \.policyMapOptions.socketMode, effect: .restart,
            "Mode of a unix socket, octal."),
        Setting(
            "policy_map.socket_group", .text, to: \.policyMapOptions.socketGroup, effect: .restart,
            example: "\"postfix\"", "Group of a unix socket."),
        Setting(
            "policy_map.names", .mapNames, to: \.policyMapOptions.names,
            "Map names as the MTA's configuration has them, and the form of answers each gets: postfix (3.4 and later), postfix-tlsrpt (3.10 and later) or sendmail."
        ),
        Setting(
            "policy_map.dane", .flag, to: \.mapAnswers.puttingDANEFirst,
            "Put DANE first: a domain whose MX hosts have TLSA records gets dane-only."),
        Setting(
            "policy_map.sendmail_dane", .flag, to: \.policyMapOptions.choices.sendmailDoesDANE,
            "Sendmail does DANE itself (sendmail -d0.13 lists it; Debian 12's does not): domains with TLSA records get no policy from the map. Otherwise their MTA-STS policy is answered."
        ),
        Setting(
            "policy_map.on_unknown", .choice(["notfound": .notFound, "temp": .temporary]), to: \.mapAnswers.onUnknown,
            "What is said of a domain never seen whose policy cannot be looked up in time. A policy that is known is always enforced."
        ),
        Setting(
            "policy_map.depth_only", .choice(["temp": .temporary, "secure": .secure]),
            to: \.policyMapOptions.choices.depthOnly,
            "What is said when MX hosts match a wildcard only by more than one label: temp holds the mail, secure lets the MTA match any depth."
        ),
        Setting(
            "policy_map.wait", .duration, to: \.policyMapOptions.waitLimit,
            "How long an answer to Postfix may take; Sendmail gets its own within 4 s."),
        Setting(
            "policy_map.max_connections", .number(1...100_000), to: \.policyMapOptions.maxConnections,
            "Connections at one time."),
        Setting(
            "policy_map.max_lookups", .number(1...100_000), to: \.policyMapOptions.maxLookups,
            "Questions that wait for the network at one time; past that the answer is try again later."),
        Setting(
            "policy_map.testing_attributes", .flag, to: \.policyMapOptions.choices.testingAttributes,
            "Tell Postfix 3.10 of testing policies, at level may, so that it reports on them. This can be weaker than smtp_tls_security_level."
        ),
        Setting(
            "policy_map.policy_failure_attributes", .flag, to: \.policyMapOptions.choices.policyFailureAttributes,
            "Tell Postfix 3.10 of policies that cannot be fetched, at level may, so that it reports them. As above."),
        Setting(
            "policy_map.never", .list(of: .nextHop), to: \.mapAnswers.never,
            "Next hops that never have a policy, and are not looked up: a name with all names below it, or one next hop as the MTA has it, such as [relay.example.org]:587. For those that always have one: [[pin]]."
        ),
    ]

    private static let networkKeys: [Setting<Settings>] = [
        Setting(
            "dns.forwarder", .dnsServer, to: \.dns.forwarder, example: "\"127.0.0.1@53\"",
            "The resolver to ask, ADDRESS@PORT. Default: those of /etc/resolv.conf."),
        Setting(
            "dns.trust_anchor", .trustAnchor, to: \.dns.trustAnchor, example: "\"/usr/share/dns/root.key\"",
            "File with the DNSSEC trust anchor, or \"none\" for no DNSSEC and no DANE. Default: /usr/share/dns/root.key where the resolver does DNSSEC."
        ),
        Setting("dns.timeout", .duration, to: \.dnsTimeout, "How long one DNS question may take."),
        Setting("tls.ca_file", .text, to: \.caFile, "Trusted root certificates, PEM, for policy hosts and MX hosts."),
        Setting(
            "tls.security_level", .number(0...5), to: \.probe.securityLevel,
            "OpenSSL's security level for MX hosts. 1 as in Postfix: RSA and DH of 1024 bits and more, no SHA-1. 2 as in Debian's Sendmail: 2048 bits. Policy hosts have the library's own."
        ),
        Setting(
            "network.private_addresses", .choice(["refuse": false, "allow": true]), to: \.allowsPrivateAddresses,
            "Whether policy hosts and MX hosts on loopback, RFC 1918 and other private addresses are dialled."),
        Setting(
            "network.helo_name", .domain(such: "mta.example.org"), to: \.givenHeloName, example: "\"mta.example.org\"",
            "Our name in EHLO. Default: the host's name."),
    ]

    private static let policyKeys: [Setting<Settings>] = [
        Setting(
            "policy.refresh_interval", .duration, to: \.policyCache.refreshInterval,
            "A policy in use is fetched anew after this time even when its id stays."),
        Setting(
            "policy.txt_check_interval", .duration, to: \.policyCache.recordCheckInterval,
            "The TXT record of a domain in use is looked at again after this time."),
        Setting(
            "policy.fetch_timeout", .duration, to: \.discovery.fetchDeadline,
            "How long one policy fetch may take in the background."),
        Setting(
            "policy.max_fetches", .number(1...10_000), to: \.discovery.maxFetches,
            "Policy fetches at one time, a quarter of them for renewals of cached policies alone."),
        Setting(
            "policy.absent_for", .duration, to: \.policyCache.absentFor,
            "How long \"this domain has no policy\" is believed."),
    ]

    private static let preloadKeys: [Setting<Settings>] = [
        Setting(
            "preload.source", .location, to: \.preloadOptions.source,
            example: "\"https://lists.example.org/policy.json\"",
            "A signed list of policies in the format of STARTTLS Everywhere: a path, or an https URL. It protects domains whose own policy cannot be fetched and is not cached. Default: no list."
        ),
        Setting(
            "preload.keyring", .path(such: "/etc/sts-milter/preload.gpg"), to: \.preloadOptions.keyring,
            example: "\"/etc/sts-milter/preload.gpg\"",
            "The keys that may sign the list, a file as gpg --export writes it."),
        Setting(
            "preload.signature", .location, to: \.preloadOptions.signature,
            example: "\"https://lists.example.org/policy.json.asc\"",
            "The list's detached signature: a path, or an https URL. Default: the source with .asc behind it."),
        Setting(
            "preload.interval", .duration, to: \.preloadOptions.interval,
            "How often a new list is looked for, give or take a tenth."),
        Setting(
            "preload.early_adopter", .flag, to: \.preloadOptions.earlyAdopter,
            "Enforce the list's testing policies as well."),
    ]

    private static let probeKeys: [Setting<Settings>] = [
        Setting(
            "probe.enabled", .flag(true: .probes, false: .namesOnly), to: \.gate.hostCheck,
            "Try STARTTLS on MX hosts. false: hosts are judged by their names alone."),
        Setting(
            "probe.greeting_timeout", .duration, to: \.probe.greetingTimeout,
            "How long a host may take to greet, in the background: as long as the MTA waits. Less while other hosts wait for their turn."
        ),
        Setting(
            "probe.timeout", .duration, to: \.probe.dialogueTimeout,
            "How long a host may take for the rest, each address."),
        Setting(
            "probe.max_probes", .number(1...10_000), to: \.probe.maxConcurrent,
            "Connections to MX hosts at one time; each takes a descriptor."),
        Setting(
            "probe.conforming_for", .duration, to: \.gate.conformingFor, example: "\"5m\"",
            "How long a host that conformed is not probed again: 5m, and 2h with enforcement = \"milter+policy-map\"."),
        Setting(
            "probe.failing_for", .duration, to: \.gate.failingFor,
            "How long a host that failed or was down is not probed again."),
    ]

    private static let storeKeys: [Setting<Settings>] = [
        Setting("store.path", .text, to: \.storePath, effect: .restart, "The database of policies and counters."),
        Setting(
            "store.explain_for", .duration, to: \.explainFor,
            "How long \"sts-milter explain\" can say what was decided about a message, of the last 100,000 at most, in 64 MiB at most. No local part of an address is kept. 0s: nothing is kept."
        ),
    ]

    private static let intakeKeys: [Setting<Settings>] = [
        Setting(
            "intake.tlsrpt_socket", .path, to: \.intake.datagramSocket, effect: .restart,
            example: "\"/var/spool/postfix/run/tlsrpt/tlsrpt.sock\"",
            "Unix socket on which Postfix 3.10 and later reports each TLS handshake: the path of its smtp_tlsrpt_socket_name, as seen from outside its chroot."
        ),
        Setting(
            "intake.tlsrpt_socket_mode", .mode, to: \.intake.datagramSocketMode, effect: .restart,
            "Its mode, octal: Postfix's user must be able to write."),
        Setting(
            "intake.tlsrpt_socket_group", .text, to: \.intake.datagramSocketGroup, effect: .restart,
            example: "\"postfix\"", "Its group."),
        Setting(
            "intake.postfix_log", .log, to: \.intake.postfixLog, effect: .restart, example: "\"/var/log/mail.log\"",
            "Postfix's log, a file or \"journal\": how its deliveries went. Needs smtp_tls_loglevel = 1. Beside tlsrpt_socket it adds only what Postfix does not report there."
        ),
        Setting(
            "intake.sendmail_log", .log, to: \.intake.sendmailLog, effect: .restart, example: "\"/var/log/mail.log\"",
            "Sendmail's log, a file or \"journal\". LogLevel 14 tells why a certificate failed; the default 9 only that it did."
        ),
    ]

    private static let reportKeys: [Setting<Settings>] = [
        Setting(
            "report.organization_name", .text, to: \.reports.givenOrganization, example: "\"Example Org\"",
            "Who we are in reports. Default: the host's name."),
        Setting(
            "report.contact_info", .mailbox, to: \.reports.givenContact, example: "\"tlsrpt@example.org\"",
            "Mail address for questions about reports. Default: postmaster@ the host's name."),
        Setting(
            "report.schedule", .choice(["daily": .daily, "off": .off, "export": .export]), to: \.reports.schedule,
            "daily: soon after midnight UTC the daemon makes the reports of the day before and sends them. off: only \"sts-milter report send\" does, by hand or by a timer. export: another machine does, which gets the counts by \"sts-milter report export\"."
        ),
        Setting(
            "report.import_from", .hosts, to: \.reports.importFrom, example: "[\"mx2.example.org\"]",
            "Machines whose counts are imported: the reports of a day wait for them. Names as network.helo_name has them there."
        ),
        Setting(
            "report.import_wait", .duration, to: \.reports.importWait,
            "How long after midnight UTC the reports of a day wait for the counts of report.import_from. They are then made without."
        ),
        Setting(
            "report.spread", .duration, to: \.reports.reporting.spread,
            "Over what time the day's reports are sent, evenly, so that receivers do not get them all at once."),
        Setting(
            "report.via", .submission, to: \.reports.via,
            "How reports by mail go out: smtp:HOST:PORT, or sendmail, whose set-group-ID bit a unit with NoNewPrivileges, such as ours, does not honour. Reports to https: URLs are posted directly."
        ),
        Setting(
            "report.sendmail_path", .path(such: "/usr/sbin/sendmail"), to: \.reports.sendmailPath,
            "The program that report.via = \"sendmail\" runs."),
        Setting(
            "report.dkim_key", .text, to: \.reports.dkimKey, example: "\"/etc/sts-milter/keys/tlsrpt.pem\"",
            "Private key, PEM, RSA or Ed25519, with which we sign report mail; receivers ignore unsigned reports. Default: the MTA's own signer does it."
        ),
        Setting(
            "report.dkim_selector", .text, to: \.reports.dkimSelector, example: "\"tlsrpt\"",
            "The selector under which the key is published."),
        Setting(
            "report.dkim_domain", .domain(such: "example.org"), to: \.reports.dkimDomain, example: "\"example.org\"",
            "The domain that signs. Default: that of report.contact_info."),
        Setting(
            "report.never", .recipients, to: \.reports.reporting.never,
            "Who gets no reports: domains with all names below them (as policy domain, and as host of a destination), mail addresses, or https: URLs."
        ),
        Setting(
            "report.only_failures", .flag, to: \.reports.reporting.onlyFailures,
            "Report only on domains with failed sessions."),
        Setting(
            "report.copy_to", .copyPlace, to: \.reports.copyPlace, example: "\"/var/lib/sts-milter/sent\"",
            "Where a copy of each report goes that was sent: a directory, which gets a file each, or a mail address. A copy that fails is warned of and changes nothing."
        ),
        Setting(
            "report.maildir", .path(such: "/var/lib/sts-milter/tlsrpt"), to: \.reports.maildir,
            example: "\"/var/lib/sts-milter/tlsrpt\"",
            "A Maildir to which others mail their reports about domains of yours. The daemon looks at its new once a minute, stores what is a report, and moves each mail to cur as seen. Default: none; sts-milter report receive takes them."
        ),
        Setting(
            "report.retention", .duration(atLeast: ReportSettings.shortestRetention), to: \.reports.retention,
            "How long counts and the fate of reports are kept. Counts of domains without a TLSRPT record go once their day is reported."
        ),
    ]

    private static let fleetKeys: [Setting<Settings>] = [
        Setting(
            "fleet.postgres", .fleetServer, to: \.fleetServer, effect: .restart,
            example: "\"host=db1,db2 dbname=sts user=sts_milter target_session_attrs=read-write\"",
            "The PostgreSQL database by which several machines are one sender: a libpq connection string without a password (passfile=/PATH, or PGPASSWORD). Its tables come by \"sts-milter fleet migrate\"."
        ),
        Setting(
            "fleet.wait", .duration, to: \.fleetWait, effect: .restart,
            "How long after midnight UTC the fleet's reports of a day wait for machines that have not sent all that they counted. They are then made without."
        ),
    ]

    private static let controlKeys: [Setting<Settings>] = [
        Setting(
            "control.socket", .unixSocket, to: \.controlSocket, effect: .restart,
            "Unix socket by which the commands reach the running daemon; empty: none."),
        Setting(
            "log.level",
            .choice(["debug": .debug, "info": .info, "notice": .notice, "warning": .warning, "error": .error]),
            to: \.logLevel, "Least level that is logged."),
        Setting("log.target", .choice, to: \.logTarget, "Where log lines go; systemd takes stderr to the journal."),
    ]

    private static let statusKeys: [Setting<Settings>] = [
        Setting(
            "status.listen", .socket, to: \.statusSocket, effect: .restart, example: "\"inet:8462@127.0.0.1\"",
            "Where metrics for Prometheus and the status page are served, in the forms of milter.socket. There is no login: who can connect can look. Default: they are not served."
        ),
        Setting(
            "status.remote", .flag, to: \.allowsRemoteStatus, effect: .restart,
            "Allow an address of status.listen that other machines can reach."),
        Setting(
            "status.socket_mode", .mode, to: \.statusSocketMode, effect: .restart, "Mode of a unix socket, octal."),
        Setting(
            "status.socket_group", .text, to: \.statusSocketGroup, effect: .restart, example: "\"www-data\"",
            "Group of a unix socket, such as that of a web server before it."),
    ]
}
