// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What each log says, worked out by hand from its lines.
///
/// A session that was not the last one of its delivery has no address: Sendmail does not log it.
enum SendmailCases {
    static let all: [(file: String, sessions: [String])] = [
        ("plain/02-secure-selfsigned.log", ["selfsigned.test mx.selfsigned.test 127.0.1.2 untrusted"]),
        ("plain/05-secure-expired.log", ["expired.test mx.expired.test 127.0.1.5 untrusted"]),
        ("plain/07-secure-wrongname.log", ["wrongname.test mx.wrongname.test 127.0.1.7 trusted"]),
        ("plain/08-secure-nostarttls.log", ["nostarttls.test mx.nostarttls.test 127.0.1.8 plaintext"]),
        ("plain/09-secure-refuse-starttls.log", ["refusetls.test mx.refusetls.test 127.0.1.9 plaintext"]),
        (
            "plain/10-secure-garbage.log",
            ["garbage.test mx.garbage.test 127.0.1.10 validation-failure tls-handshake-failure"]
        ),
        ("plain/11-secure-drop.log", ["drop.test mx.drop.test 127.0.1.11 validation-failure tls-handshake-failure"]),
        ("plain/40-may-good.log", ["may-good.test mx.good.test 127.0.1.1 trusted"]),
        ("sts/01-secure-good.log", ["good.test mx.good.test 127.0.1.1 trusted"]),
        ("sts/02-secure-selfsigned.log", ["selfsigned.test mx.selfsigned.test 127.0.1.2 certificate-not-trusted"]),
        ("sts/03-secure-unknown-ca.log", ["rogue.test mx.rogue.test 127.0.1.3 certificate-not-trusted"]),
        (
            "sts/04-secure-unknown-ca-chain.log",
            ["roguechain.test mx.roguechain.test 127.0.1.4 certificate-not-trusted"]
        ),
        ("sts/05-secure-expired.log", ["expired.test mx.expired.test 127.0.1.5 certificate-not-trusted"]),
        ("sts/06-secure-notyet.log", ["notyet.test mx.notyet.test 127.0.1.6 certificate-not-trusted"]),
        ("sts/07-secure-wrongname.log", ["wrongname.test mx.wrongname.test 127.0.1.7 certificate-host-mismatch"]),
        ("sts/08-secure-nostarttls.log", ["nostarttls.test mx.nostarttls.test 127.0.1.8 starttls-not-supported"]),
        ("sts/09-secure-refuse-starttls.log", ["refusetls.test mx.refusetls.test 127.0.1.9 starttls-not-supported"]),
        (
            "sts/10-secure-garbage.log",
            ["garbage.test mx.garbage.test 127.0.1.10 validation-failure tls-handshake-failure"]
        ),
        ("sts/11-secure-drop.log", ["drop.test mx.drop.test 127.0.1.11 validation-failure tls-handshake-failure"]),
        ("sts/12-secure-tls10.log", ["tls10.test mx.tls10.test 127.0.1.12 validation-failure tls-handshake-failure"]),
        ("sts/13-secure-cnonly.log", ["cnonly.test mx.cnonly.test 127.0.1.13 certificate-host-mismatch"]),
        // Sendmail's own quirk: it does not take a certificate for *.wild.test.
        ("sts/14-secure-wildcard-ok.log", ["wild.test mx.wild.test 127.0.1.14 certificate-host-mismatch"]),
        ("sts/15-secure-missing-intermediate.log", ["noint.test mx.noint.test 127.0.1.15 certificate-not-trusted"]),
        ("sts/16-secure-with-intermediate.log", ["int.test mx.int.test 127.0.1.16 trusted"]),
        ("sts/17-secure-expired-intermediate.log", ["expint.test mx.expint.test 127.0.1.17 certificate-not-trusted"]),
        (
            "sts/18-secure-clientauth-only.log",
            ["clientonly.test mx.clientonly.test 127.0.1.18 certificate-not-trusted"]
        ),
        ("sts/19-secure-no-ehlo.log", ["noehlo.test mx.noehlo.test 127.0.1.19 starttls-not-supported"]),
        (
            "sts/20-secure-two-mx-first-bad.log",
            [
                "multi.test mx1.multi.test 127.0.1.20 certificate-host-mismatch",
                "multi.test mx2.multi.test 127.0.1.21 trusted",
            ]
        ),
        ("sts/21-secure-greet-421.log", []),
        ("sts/22-secure-greet-timeout.log", []),
        ("sts/23-secure-conn-refused.log", []),
        ("sts/24-secure-mx-host-notfound.log", []),
        ("sts/25-nullmx.log", []),
        ("sts/26-secure-rcpt-rejected.log", ["reject.test mx.reject.test 127.0.1.25 trusted"]),
        ("sts/27-secure-rcpt-greylisted.log", ["rcpt4.test mx.rcpt4.test 127.0.1.31 trusted"]),
        ("sts/28-secure-sni-needed.log", ["sni.test mx.sni.test 127.0.1.26 trusted"]),
        ("sts/29-secure-many-rcpts.log", ["manyrcpt.test mx.manyrcpt.test 127.0.1.27 trusted"]),
        (
            "sts/30-secure-expired-and-wrongname.log",
            ["expwrong.test mx.expwrong.test 127.0.1.28 certificate-not-trusted"]
        ),
        ("sts/31-secure-tls12.log", ["tls12.test mx.tls12.test 127.0.1.29 trusted"]),
        ("sts/32-secure-drop-after-handshake.log", ["droptls.test mx.droptls.test 127.0.1.30 trusted"]),
        (
            "sts/34-secure-mx-not-in-policy.log",
            ["hijack.test other.example.test 127.0.1.7 validation-failure mx-not-in-sts-policy"]
        ),
        (
            "sts/35-secure-wildcard-depth.log",
            ["wildbad.test a.b.wild.test 127.0.1.14 validation-failure mx-not-in-sts-policy"]
        ),
        (
            "sts/36-secure-mx-not-in-policy-but-cert-covers.log",
            ["rightpolicy.test evilmx.rightpolicy.test 127.0.1.35 validation-failure mx-not-in-sts-policy"]
        ),
        ("sts/40-may-good.log", ["may-good.test mx.good.test 127.0.1.1 trusted"]),
        ("sts/42-may-plain.log", ["may-plain.test mx.nostarttls.test 127.0.1.8 plaintext"]),
        (
            "sts/71-mx-failover-handshake.log",
            [
                "mxhs.test mx.drop.test validation-failure tls-handshake-failure",
                "mxhs.test mx.good.test 127.0.1.1 trusted",
            ]
        ),
        (
            "sts/72-mx-failover-nostarttls.log",
            ["mxno.test mx.nostarttls.test starttls-not-supported", "mxno.test mx.good.test 127.0.1.1 trusted"]
        ),
        (
            "sts/73-mx-all-bad.log",
            [
                "mxallbad.test mx.expired.test certificate-not-trusted",
                "mxallbad.test mx.nostarttls.test starttls-not-supported",
                "mxallbad.test mx.drop.test 127.0.1.11 validation-failure tls-handshake-failure",
            ]
        ),
        (
            "sts/76-two-domains.log",
            [
                "good.test mx.good.test 127.0.1.1 trusted",
                "selfsigned.test mx.selfsigned.test 127.0.1.2 certificate-not-trusted",
            ]
        ),
        // The lookup of the policy failed: whose fault that is, the map knows.
        ("sts/85-policy-lookup-temp.log", ["tmpfail.test mx.good.test 127.0.1.1 refused-by-map"]),
        (
            "sts14/02-secure-selfsigned.log",
            ["selfsigned.test mx.selfsigned.test 127.0.1.2 certificate-not-trusted self-signed_certificate"]
        ),
        ("sts14/05-secure-expired.log", ["expired.test mx.expired.test 127.0.1.5 certificate-expired"]),
        ("sts14/07-secure-wrongname.log", ["wrongname.test mx.wrongname.test 127.0.1.7 certificate-host-mismatch"]),
        (
            "sts14/10-secure-garbage.log",
            ["garbage.test mx.garbage.test 127.0.1.10 validation-failure tls-handshake-failure"]
        ),
    ]

    static func tls(_ relay: String, _ verify: String = "OK") -> String {
        "STARTTLS=client, relay=\(relay)., version=TLSv1.3, verify=\(verify), cipher=X, bits=256/256"
    }
    static func to(
        _ recipients: String, _ relay: String = "mx.a.example", id: String = "A1", mailer: String = "esmtp",
        end: String = "dsn=2.0.0, stat=Sent (ok)"
    ) -> String {
        "\(id): to=\(recipients), delay=00:00:00, xdelay=00:00:00, mailer=\(mailer), pri=30, relay=\(relay). [192.0.2.1], \(end)"
    }
    private static let notLetGo = "dsn=4.7.0, stat=Deferred: 450 4.7.0 <u@a.example>... STS lookup temp fail"
    static let deferred = "dsn=4.7.0, stat=Deferred"
    static let failedHandshake =
        "STARTTLS=client, error: connect failed=-1, reason=unexpected eof while reading, SSL_error=1, errno=0, retry=-1"

    static let joined: [(what: String, lines: [String], sessions: [String])] = [
        (
            "the policy map lets no host have it: one attempt for a domain, and the next message is another",
            [
                "ruleset=tls_clt_features, arg1=mx.a.example, arg2=192.0.2.1, relay=localhost [127.0.0.1], reject=450 4.7.0 <u@a.example>... STS lookup temp fail",
                "ruleset=tls_server, arg1=TEMP, relay=mx.a.example, reject=450 4.7.0 <u@a.example>... STS lookup temp fail",
                to("u@a.example", end: notLetGo), to("v@a.example", end: notLetGo),
                to("u@a.example", id: "A2", end: notLetGo), to("u@a.example", id: "A3"),
            ],
            [
                "a.example mx.a.example 192.0.2.1 refused-by-map", "a.example mx.a.example 192.0.2.1 refused-by-map",
                "a.example mx.a.example 192.0.2.1 plaintext",
            ]
        ),
        (
            "recipients on several lines", [tls("mx.a.example"), to("u@a.example"), to("v@a.example")],
            ["a.example mx.a.example 192.0.2.1 trusted"]
        ),
        (
            "two domains of one server", [tls("mx.a.example"), to("u@a.example,v@b.example,<w@A.example>")],
            ["a.example mx.a.example 192.0.2.1 trusted", "b.example mx.a.example 192.0.2.1 trusted"]
        ),
        (
            "messages over one connection",
            [tls("mx.a.example"), to("u@a.example"), to("v@a.example", id: "A2"), to("v@b.example", id: "A3")],
            ["a.example mx.a.example 192.0.2.1 trusted", "b.example mx.a.example 192.0.2.1 trusted"]
        ),
        (
            "two connections kept open",
            [
                tls("mx.a.example"), to("u@a.example"), tls("mx.b.example"),
                to("u@b.example", "mx.b.example", id: "A2"),
                to("v@a.example", id: "A3"),
            ],
            ["a.example mx.a.example 192.0.2.1 trusted", "b.example mx.b.example 192.0.2.1 trusted"]
        ),
        (
            "a new connection to the same server",
            [tls("mx.a.example"), to("u@a.example"), tls("mx.a.example", "FAIL"), to("v@a.example", id: "A2")],
            ["a.example mx.a.example 192.0.2.1 trusted", "a.example mx.a.example 192.0.2.1 untrusted"]
        ),
        (
            "in the clear, recipients and messages together",
            [to("u@a.example"), to("v@a.example"), to("w@a.example", id: "A2")],
            ["a.example mx.a.example 192.0.2.1 plaintext"]
        ),
        (
            "in the clear again, when no connection can be open any more",
            [to("u@a.example"), "@20:50:46 " + to("v@a.example", id: "A2")],
            ["a.example mx.a.example 192.0.2.1 plaintext", "a.example mx.a.example 192.0.2.1 plaintext"]
        ),
        (
            "in the clear after a handshake that failed", [failedHandshake, to("u@a.example")],
            [
                "a.example mx.a.example 192.0.2.1 validation-failure tls-handshake-failure",
                "a.example mx.a.example 192.0.2.1 plaintext tls-handshake-failure",
            ]
        ),
        (
            "fail-over for two domains",
            [
                "ruleset=tls_server, arg1=NONE, relay=mx1.example, reject=403 4.7.0 words", tls("mx2.example"),
                to("u@a.example", "mx2.example"), to("u@b.example", "mx2.example"),
                to("w@a.example", "mx2.example", id: "A2"),
            ],
            [
                "a.example mx1.example starttls-not-supported", "a.example mx2.example 192.0.2.1 trusted",
                "b.example mx1.example starttls-not-supported", "b.example mx2.example 192.0.2.1 trusted",
            ]
        ),
        (
            "a server that breaks off after TLS, and its successor",
            [tls("mx1.example"), tls("mx2.example"), to("u@a.example", "mx2.example")],
            ["a.example mx1.example trusted", "a.example mx2.example 192.0.2.1 trusted"]
        ),
        (
            "two addresses of a server",
            [
                "ruleset=tls_server, arg1=NONE, relay=mx.a.example, reject=403 4.7.0 words",
                "ruleset=tls_server, arg1=TEMP, relay=mx.a.example, reject=403 4.7.0 words",
                to("u@a.example", end: deferred),
            ],
            [
                "a.example mx.a.example starttls-not-supported",
                "a.example mx.a.example 192.0.2.1 starttls-not-supported",
            ]
        ),
        (
            "refused for the recipients of one domain",
            [
                tls("mx.a.example"),
                "A1: ruleset=tls_rcpt, arg1=u@b.example, relay=mx.a.example., reject=450 4.7.0 u@b.example... mx.a.example not found in mx.b.example",
                to("u@b.example", end: "dsn=4.2.0, stat=Deferred"), to("u@a.example"),
            ],
            [
                "b.example mx.a.example 192.0.2.1 validation-failure mx-not-in-sts-policy",
                "a.example mx.a.example 192.0.2.1 trusted",
            ]
        ),
        (
            "a certificate that FEATURE(sts_milter) finds unverified for one recipient of several",
            [
                tls("mx.a.example", "FAIL"),
                "A1: ruleset=tls_rcpt, arg1=u@b.example, relay=mx.a.example., reject=450 4.7.0 u@b.example... "
                    + "certificate of mx.a.example not verified",
                to("u@b.example", end: "dsn=4.2.0, stat=Deferred"), to("u@a.example"),
            ],
            [
                "b.example mx.a.example 192.0.2.1 certificate-not-trusted",
                "a.example mx.a.example 192.0.2.1 untrusted",
            ]
        ),
        (
            "names that FEATURE(sts) compares",
            [
                "tls_clt_features=parsed, sts=secure, relay=mx.a.example [192.0.2.1]", tls("mx.a.example"),
                to("u@a.example"), tls("mx.b.example"), to("u@b.example", "mx.b.example", id: "A2"),
            ],
            ["a.example mx.a.example 192.0.2.1 verified", "b.example mx.b.example 192.0.2.1 trusted"]
        ),
        (
            "why a certificate fails, at LogLevel 12",
            [
                tls("mx.a.example", "FAIL"),
                "STARTTLS=client, cert-subject=/CN=a, verifymsg=ok, cert-issuer=/CN=b, verifymsg=unable to get local issuer certificate",
                "ruleset=tls_server, arg1=FAIL, relay=mx.a.example, reject=403 4.7.0 authentication failed",
                to("u@a.example", end: deferred),
            ],
            ["a.example mx.a.example 192.0.2.1 certificate-not-trusted unable_to_get_local_issuer_certificate"]
        ),
        (
            "no server in the end: what failed before is the delivery's own",
            [
                "ruleset=tls_server, arg1=NONE, relay=mx1.example, reject=403 4.7.0 words",
                "A1: to=<u@a.example>, delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=30, relay=mx2.example., dsn=4.0.0, stat=Deferred: Connection refused by mx2.example.",
                tls("mx.b.example"), to("u@b.example", "mx.b.example", id: "A2"),
            ],
            ["a.example mx1.example starttls-not-supported", "b.example mx.b.example 192.0.2.1 trusted"]
        ),
        (
            "a delivery that cannot be read: its sessions are nobody else's",
            [
                "ruleset=tls_server, arg1=NONE, relay=mx1.example, reject=403 4.7.0 words", tls("mx.a.example"),
                #"A1: to=<"u@a.example>, mailer=esmtp, relay=mx.a.example. [192.0.2.1], dsn=2.0.0, stat=Sent"#,
                tls("mx.b.example"), to("u@b.example", "mx.b.example", id: "A2"),
            ],
            ["b.example mx.b.example 192.0.2.1 trusted"]
        ),
        (
            "the other recipients of such a delivery have them",
            [
                "ruleset=tls_server, arg1=NONE, relay=mx1.example, reject=403 4.7.0 words", tls("mx.a.example"),
                #"A1: to=<"u@a.example>, mailer=esmtp, relay=mx.a.example. [192.0.2.1], dsn=2.0.0, stat=Sent"#,
                to("v@a.example"),
            ],
            ["a.example mx1.example starttls-not-supported", "a.example mx.a.example 192.0.2.1 trusted"]
        ),
        (
            "recipients in quoted form",
            [tls("mx.a.example"), to(#"<"a b, c"@a.example>,<d\"e@B.example>,<@x.example:u@c.example>"#)],
            [
                "a.example mx.a.example 192.0.2.1 trusted", "b.example mx.a.example 192.0.2.1 trusted",
                "c.example mx.a.example 192.0.2.1 trusted",
            ]
        ),
        (
            "names in capitals, U-labels and A-labels",
            [
                tls("MX.Bücher.Example"), to("u@BÜCHER.example", "mx.xn--bcher-kva.example"),
                "A1: ruleset=tls_rcpt, arg1=u@b.example, relay=MX.xn--bcher-kva.example., reject=450 4.7.0 u@b.example... x not found in mx.b.example",
                to("u@B.example", "mx.bücher.example", end: deferred),
            ],
            [
                "xn--bcher-kva.example mx.xn--bcher-kva.example 192.0.2.1 trusted",
                "b.example mx.xn--bcher-kva.example 192.0.2.1 validation-failure mx-not-in-sts-policy",
            ]
        ),
        (
            "a smart host", [tls("relay.example"), to("u@a.example,u@b.example", "relay.example", mailer: "relay")],
            ["- relay.example 192.0.2.1 trusted"]
        ),
        (
            "recipients that imitate fields",
            [
                to(
                    #"<"a, mailer=local, relay=evil.example. [192.0.2.9], dsn=2.0.0, stat=Sent@evil.example\", x"@a.example>,"b,c@d"@b.example"#
                )
            ],
            ["a.example mx.a.example 192.0.2.1 plaintext", "b.example mx.a.example 192.0.2.1 plaintext"]
        ),
        (
            "IPv6", [to("u@a.example").replacing("[192.0.2.1]", with: "[IPv6:2001:db8::1]")],
            ["a.example mx.a.example 2001:db8::1 plaintext"]
        ),
        (
            "what is not reported: our own side",
            [
                "ruleset=tls_clt_features, arg1=x, reject=451 x",
                "ruleset=tls_server, arg1=TEMP, relay=mx.a.example, reject=450 4.7.0 words",
                to("u@a.example", end: deferred),
            ], []
        ),
    ]

    /// What a word means when the mail was sent, and when `tls_server` refused.
    static let words: [(word: String, sent: String?, refused: String?)] = [
        ("OK", "trusted", "validation-failure local-tls-rule"),
        ("TRUSTED", "verified", "validation-failure local-tls-rule"),
        ("FAIL", "untrusted", "certificate-not-trusted"), ("NO", "trusted", "certificate-not-trusted"),
        ("NOT", "trusted", "certificate-not-trusted"), ("DANE_FAIL", "untrusted", "tlsa-invalid"),
        ("DANE_TEMP", "trusted", nil), ("NONE", nil, "starttls-not-supported"),
        ("TEMP", nil, "starttls-not-supported"), ("PROTOCOL", nil, "starttls-not-supported"),
        ("DANE_NOTLS", nil, "starttls-not-supported"), ("SOFTWARE", nil, "validation-failure tls-handshake-failure"),
        ("CONFIG", nil, nil), ("CLEAR", "plaintext tls-handshake-failure", nil), ("NEW_WORD", "trusted", nil),
    ]

    static let hostile: [String] = [
        to("u@a.example", end: "dsn=5.7.1, reply=550 5.7.1 no, dsn=2.0.0, stat=Sent (x), stat=Service unavailable"),
        // A greeting, EHLO, and what no server said.
        to("u@a.example", end: "dsn=4.7.1, reply=421 4.7.1 busy, stat=Deferred: 421 4.7.1 busy"),
        to("u@a.example", end: "dsn=5.1.2, reply=554 5.1.2 no, stat=Service unavailable"),
        to("u@a.example", end: "dsn=5.0.0, reply=550 no, stat=Service unavailable"),
        to("u@a.example", end: "dsn=5.1.2, stat=Host unknown (Name server: mx.a.example.: host not found)"),
        to(
            "u@a.example",
            end: "dsn=4.7.1, stat=Deferred: 451, mailer=esmtp, relay=evil.example. [192.0.2.9], dsn=2.0.0, stat=Sent"),
        to("u@a.example").replacing("relay=mx.a.example.", with: "relay=[192.0.2.1]"),
        to("u@a.example", mailer: "local"), to(#""u@a.example"#),
        to("u@a.example").replacing(" [192.0.2.1]", with: ""), to("u@a.example").replacing("dsn=", with: "x="),
        to("u@a.example").replacing("relay=", with: "x="), to("u@a.example").replacing("mailer=", with: "x="),
        to("u@a.example", id: "A-1"), to("u@a.example", id: ""),
        to("u@a.example", id: String(repeating: "A", count: 33)),
        "A1: ", "A1: to=", "A1: to=, ", "to=u@a.example", ": to=u", "", " ", "STARTTLS=client, relay=",
        "STARTTLS=client, ",
        "ruleset=tls_server, arg1=", "ruleset=tls_server, arg1=FAIL, relay=x, reject", "A1: ruleset=tls_rcpt, arg1=x",
        "A1: 6ANKd98u026579: DSN: to=u@a.example, mailer=esmtp, relay=mx. [192.0.2.1], dsn=2.0.0, stat=Sent",
        "A1: from=<x, to=u@a.example>, relay=mx.a.example. [192.0.2.1], mailer=esmtp, dsn=2.0.0, stat=Sent",
    ]
}
