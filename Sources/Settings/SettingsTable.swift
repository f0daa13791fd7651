// SPDX-License-Identifier: Apache-2.0
import MTASTS
import TLSRPT

/// Every key of the settings file, in the order of the example file. Parser, example and manual are made from it.
package let settingsTable: [Setting] = [
    Setting(
        "enforcement", .choice(["milter", "milter+policy-map"]), "\"milter\"",
        "Who stands guard over delivery. \"milter\": the MTA may dial any MX host, so one bad host defers the mail. \"milter+policy-map\": the MTA skips bad hosts by its policy map, so mail is deferred only when no host conforms."
    ),
    Setting(
        "on_violation", .choice(["defer", "quarantine", "log"]), "\"defer\"",
        "What happens to mail whose route breaks an enforce policy: a 451 for the recipient, the hold queue, or a log line only."
    ),
    Setting(
        "on_unknown", .choice(["accept", "defer"]), "\"accept\"",
        "What happens while it is not known whether a domain has a policy: accept (the lookup goes on for the next mail), or defer."
    ),
    Setting(
        "on_unproven", .choice(["accept", "defer"]), nil,
        "What happens while an enforce policy is known and the domain's hosts have not been seen to keep it: they do not answer, the MX records cannot be had, or there was no time. Default: defer; accept with enforcement = \"milter+policy-map\", where the map guards the delivery.",
        example: "\"defer\""),

    Setting(
        "milter.socket", .text, "\"inet:8890@127.0.0.1\"",
        "Where the MTA finds the milter: inet:PORT@HOST, inet6:PORT@HOST, unix:/PATH or fd:N, or Postfix's inet:HOST:PORT. A unix socket keeps other local users away: contrib/README.md has the path for Postfix's chroot."
    ),
    Setting("milter.socket_mode", .text, nil, "Mode of a unix socket, octal.", example: "\"0660\""),
    Setting("milter.socket_group", .text, nil, "Group of a unix socket, such as the MTA's.", example: "\"postfix\""),
    Setting(
        "milter.lookup_wait", .duration, "\"3s\"",
        "How long one recipient waits for a lookup; Sendmail gives a reply 10 s."),
    Setting("milter.message_budget", .duration, "\"8s\"", "How long all recipients of one message wait together."),
    Setting(
        "milter.max_waiting", .wholeNumber(1...10_000), "256",
        "Recipients that may wait at one time; more are answered as unknown at once. Once half wait, an eighth at most for names of one domain."
    ),
    Setting(
        "milter.local_submission", .choice(["log", "defer"]), "\"log\"",
        "Mail by sendmail(1) and cron on Postfix: log only, or defer (it stays in maildrop and is retried at each scan)."
    ),
    Setting(
        "milter.transports", .list, "[\"smtp\", \"relay\", \"esmtp\", \"dsmtp\", \"smtp8\"]",
        "Names of the MTA's transports ({rcpt_mailer}) that deliver by SMTP; mail by others is not judged."),
    Setting(
        "milter.tls_required_no", .flag, "false",
        "Let a message with the header \"TLS-Required: No\" (RFC 8689) through. Verdicts are then given at the end of the message, and one recipient whose route breaks its policy defers the whole."
    ),

    Setting(
        "policy_map.socket", .text, nil,
        "Where the MTA finds the policy map, in the forms of milter.socket. Default: the map is not served.",
        example: "\"unix:/var/spool/postfix/sts-milter/map.sock\""),
    Setting("policy_map.socket_mode", .text, nil, "Mode of a unix socket, octal.", example: "\"0660\""),
    Setting("policy_map.socket_group", .text, nil, "Group of a unix socket.", example: "\"postfix\""),
    Setting(
        "policy_map.names", .list, "[\"postfix=postfix\", \"postfix-tlsrpt=postfix-tlsrpt\", \"sts=sendmail\"]",
        "Map names as the MTA's configuration has them, and the form of answers each gets: postfix (3.4 and later), postfix-tlsrpt (3.10 and later) or sendmail."
    ),
    Setting(
        "policy_map.dane", .flag, "true", "Put DANE first: a domain whose MX hosts have TLSA records gets dane-only."),
    Setting(
        "policy_map.sendmail_dane", .flag, "false",
        "Sendmail does DANE itself (sendmail -d0.13 lists it; Debian 12's does not): domains with TLSA records get no policy from the map. Otherwise their MTA-STS policy is answered."
    ),
    Setting(
        "policy_map.on_unknown", .choice(["notfound", "temp"]), "\"notfound\"",
        "What is said of a domain never seen whose policy cannot be looked up in time. A policy that is known is always enforced."
    ),
    Setting(
        "policy_map.depth_only", .choice(["temp", "secure"]), "\"temp\"",
        "What is said when MX hosts match a wildcard only by more than one label: temp holds the mail, secure lets the MTA match any depth."
    ),
    Setting(
        "policy_map.wait", .duration, "\"30s\"",
        "How long an answer to Postfix may take; Sendmail gets its own within 4 s."),
    Setting("policy_map.max_connections", .wholeNumber(1...100_000), "1000", "Connections at one time."),
    Setting(
        "policy_map.max_lookups", .wholeNumber(1...100_000), "2000",
        "Questions that wait for the network at one time; past that the answer is try again later."),
    Setting(
        "policy_map.testing_attributes", .flag, "false",
        "Tell Postfix 3.10 of testing policies, at level may, so that it reports on them. This can be weaker than smtp_tls_security_level."
    ),
    Setting(
        "policy_map.policy_failure_attributes", .flag, "false",
        "Tell Postfix 3.10 of policies that cannot be had, at level may, so that it reports them. As above."),
    Setting(
        "policy_map.never", .list, "[]",
        "Next hops that never have a policy, and are not looked up: a name with all names below it, or one next hop as the MTA has it, such as [relay.example.org]:587. For those that always have one: [[policy]].",
        example: "[\"intern.example.org\", \"[relay.example.org]:587\"]"),

    Setting(
        "dns.forwarder", .text, nil, "The resolver to ask, ADDRESS@PORT. Default: those of /etc/resolv.conf.",
        example: "\"127.0.0.1@53\""),
    Setting(
        "dns.trust_anchor", .text, nil,
        "File with the DNSSEC trust anchor, or \"none\" for no DNSSEC and no DANE. Default: /usr/share/dns/root.key where the resolver does DNSSEC.",
        example: "\"/usr/share/dns/root.key\""),
    Setting("dns.timeout", .duration, "\"10s\"", "How long one DNS question may take."),

    Setting(
        "tls.ca_file", .text, "\"/etc/ssl/certs/ca-certificates.crt\"",
        "Trusted root certificates, PEM, for policy hosts and MX hosts."),

    Setting(
        "network.private_addresses", .choice(["refuse", "allow"]), "\"refuse\"",
        "Whether policy hosts and MX hosts on loopback, RFC 1918 and other private addresses are dialled."),
    Setting(
        "network.helo_name", .text, nil, "Our name in EHLO. Default: the host's name.", example: "\"mta.example.org\""),

    Setting(
        "policy.refresh_interval", .duration, "\"12h\"",
        "A policy in use is fetched anew after this time even when its id stays."),
    Setting(
        "policy.txt_check_interval", .duration, "\"1h\"",
        "The TXT record of a domain in use is looked at again after this time."),
    Setting("policy.fetch_timeout", .duration, "\"60s\"", "How long one policy fetch may take in the background."),
    Setting(
        "policy.max_fetches", .wholeNumber(1...10_000), "64",
        "Policy fetches at one time, a quarter of them for renewals of cached policies alone."),
    Setting("policy.absent_for", .duration, "\"5m\"", "How long \"this domain has no policy\" is believed."),

    Setting(
        "preload.source", .text, nil,
        "A signed list of policies in the format of STARTTLS Everywhere: a path, or an https URL. It protects domains whose own policy cannot be had and is not cached. Default: no list.",
        example: "\"https://lists.example.org/policy.json\""),
    Setting(
        "preload.keyring", .text, nil, "The keys that may sign the list, a file as gpg --export writes it.",
        example: "\"/etc/sts-milter/preload.gpg\""),
    Setting(
        "preload.signature", .text, nil,
        "The list's detached signature: a path, or an https URL. Default: the source with .asc behind it.",
        example: "\"https://lists.example.org/policy.json.asc\""),
    Setting("preload.interval", .duration, "\"24h\"", "How often a new list is looked for, give or take a tenth."),
    Setting("preload.early_adopter", .flag, "false", "Enforce the list's testing policies as well."),

    Setting("probe.enabled", .flag, "true", "Try STARTTLS on MX hosts. false: hosts are judged by their names alone."),
    Setting(
        "probe.greeting_timeout", .duration, "\"5m\"",
        "How long a host may take to greet, in the background: as long as the MTA waits. Less while other hosts wait for their turn."
    ),
    Setting("probe.timeout", .duration, "\"30s\"", "How long a host may take for the rest, each address."),
    Setting(
        "probe.max_probes", .wholeNumber(1...10_000), "256",
        "Connections to MX hosts at one time; each takes a descriptor."),
    Setting("probe.conforming_for", .duration, "\"2h\"", "How long a host that conformed is not probed again."),
    Setting("probe.failing_for", .duration, "\"1m\"", "How long a host that failed or was down is not probed again."),

    Setting("store.path", .text, "\"/var/lib/sts-milter/sts-milter.sqlite\"", "The database of policies and counters."),

    Setting(
        "intake.tlsrpt_socket", .text, nil,
        "Unix socket on which Postfix 3.10 and later reports each TLS handshake: the path of its smtp_tlsrpt_socket_name, as seen from outside its chroot.",
        example: "\"/var/spool/postfix/run/tlsrpt/tlsrpt.sock\""),
    Setting("intake.tlsrpt_socket_mode", .text, "\"0660\"", "Its mode, octal: Postfix's user must be able to write."),
    Setting("intake.tlsrpt_socket_group", .text, nil, "Its group.", example: "\"postfix\""),
    Setting(
        "intake.postfix_log", .text, nil,
        "Postfix's log, a file or \"journal\": how its deliveries went. Needs smtp_tls_loglevel = 1. Beside tlsrpt_socket it adds only what Postfix does not report there.",
        example: "\"/var/log/mail.log\""),
    Setting(
        "intake.sendmail_log", .text, nil,
        "Sendmail's log, a file or \"journal\". LogLevel 14 tells why a certificate failed; the default 9 only that it did.",
        example: "\"/var/log/mail.log\""),

    Setting(
        "report.organization_name", .text, nil, "Who we are in reports. Default: the host's name.",
        example: "\"Example Org\""),
    Setting(
        "report.contact_info", .text, nil,
        "Mail address for questions about reports. Default: postmaster@ the host's name.",
        example: "\"tlsrpt@example.org\""),
    Setting(
        "report.schedule", .choice(["daily", "off"]), "\"daily\"",
        "daily: soon after midnight UTC the daemon makes the reports of the day before and sends them. off: only \"sts-milter report send\" does, by hand or by a timer."
    ),
    Setting(
        "report.spread", .duration, "\"4h\"",
        "Over what time the day's reports are sent, evenly, so that receivers do not get them all at once."),
    Setting(
        "report.via", .text, "\"smtp:127.0.0.1:25\"",
        "How reports by mail go out: smtp:HOST:PORT, or sendmail, whose set-group-ID bit a unit with NoNewPrivileges, such as ours, does not honour. Reports to https: URLs are posted directly."
    ),
    Setting(
        "report.sendmail_path", .text, "\"/usr/sbin/sendmail\"", "The program that report.via = \"sendmail\" runs."),
    Setting(
        "report.dkim_key", .text, nil,
        "Private key, PEM, RSA or Ed25519, with which we sign report mail; receivers ignore unsigned reports. Default: the MTA's own signer does it.",
        example: "\"/etc/sts-milter/dkim.pem\""),
    Setting(
        "report.dkim_selector", .text, nil, "The selector under which the key is published.", example: "\"tlsrpt\""),
    Setting(
        "report.dkim_domain", .text, nil, "The domain that signs. Default: that of report.contact_info.",
        example: "\"example.org\""),
    Setting(
        "report.never", .list, "[]",
        "Who gets no reports: domains with all names below them (as policy domain, and as host of a destination), mail addresses, or https: URLs.",
        example: "[\"example.net\", \"tlsrpt@example.com\"]"),
    Setting("report.only_failures", .flag, "false", "Report only on domains with failed sessions."),
    Setting(
        "report.retention", .duration, "\"60d\"",
        "How long counts and the fate of reports are kept. Counts of domains without a TLSRPT record go once their day is reported."
    ),

    Setting(
        "control.socket", .text, "\"/run/sts-milter/control.sock\"",
        "Unix socket by which the commands reach the running daemon; empty: none."),

    Setting(
        "log.level", .choice(["debug", "info", "notice", "warning", "error"]), "\"info\"", "Least level that is logged."
    ),
    Setting(
        "log.target", .choice(["stderr", "syslog"]), "\"stderr\"",
        "Where log lines go; systemd takes stderr to the journal."),

    Setting("status.listen", .text, nil, "Address of the status page.", example: "\"127.0.0.1:8460\"", isServed: false),
]

/// The keys of one `[[rule]]`: all conditions given must hold, the first rule that matches counts.
package let ruleSettingsTable: [Setting] = [
    Setting("daemon_name", .text, nil, "The MTA's {daemon_name}.", example: "\"ORIGINATING\""),
    Setting("port", .wholeNumber(1...65_535), nil, "The port on which the MTA took the mail.", example: "587"),
    Setting("client", .list, nil, "Networks of the client.", example: "[\"192.0.2.0/24\", \"2001:db8::/32\"]"),
    Setting("authenticated", .flag, nil, "Whether the client logged in.", example: "true"),
    Setting(
        "sender_domain", .text, nil, "Domain of the sender; with a leading dot, all domains below it.",
        example: "\"example.org\""),
    Setting(
        "recipient_domain", .text, nil, "Domain of the recipient; with a leading dot, all domains below it.",
        example: "\".example.net\""),
    Setting("exempt", .flag, nil, "Do not judge at all.", example: "true"),
    Setting(
        "on_violation", .choice(["defer", "quarantine", "log"]), nil, "Instead of the general on_violation.",
        example: "\"log\""),
    Setting(
        "on_unknown", .choice(["accept", "defer"]), nil, "Instead of the general on_unknown.", example: "\"accept\""),
    Setting(
        "on_unproven", .choice(["accept", "defer"]), nil, "Instead of the general on_unproven.",
        example: "\"accept\""),
]
