// SPDX-License-Identifier: Apache-2.0

/// What the rules of the sender decide, other mailers' sessions, and mail that is not taken.
extension SendmailCases {
    static let tryNoTLS =
        "ruleset=try_tls, arg1=mx.a.example, relay=mx.a.example, reject=550 5.7.1 do not try TLS with mx.a.example [192.0.2.1]"

    static let ownSide: [(what: String, lines: [String], sessions: [String])] = [
        (
            "the session of a mailer that nobody has named is not the next message's",
            [
                tls("mx.b.example", "FAIL"), to("u@b.example", "mx.b.example", mailer: "smtptls"), tls("mx.a.example"),
                to("u@a.example", id: "A2"),
            ], ["a.example mx.a.example 192.0.2.1 trusted"]
        ),
        (
            "nor is a handshake that failed, or mail to a mailbox of ours in between",
            [
                failedHandshake, to("u@b.example", "mx.b.example", mailer: "smtptls"), to("u@a.example", id: "A2"),
                "A3: to=<u@here.example>, delay=00:00:00, mailer=local, pri=30, dsn=2.0.0, stat=Sent",
                to("v@a.example", id: "A4"),
            ], ["a.example mx.a.example 192.0.2.1 plaintext"]
        ),
        (
            "no TLS is to be tried with a server (Try_TLS in the access map)",
            [
                tryNoTLS, to("u@a.example"), to("v@a.example", id: "A2"), tls("mx.b.example"),
                to("u@b.example", "mx.b.example", id: "A3"),
            ], ["a.example mx.a.example 192.0.2.1 tls-not-wanted", "b.example mx.b.example 192.0.2.1 trusted"]
        ),
        (
            "no TLS is to be tried with a server that failed before another took the mail",
            [tryNoTLS, to("u@a.example", "mx2.a.example")], ["a.example mx2.a.example 192.0.2.1 plaintext"]
        ),
        (
            "no TLS is to be tried where TLS is asked for: our own fault",
            [
                tryNoTLS, "ruleset=tls_server, arg1=NONE, relay=mx.a.example, reject=403 4.7.0 encryption too weak",
                to("u@a.example", end: deferred),
            ], []
        ),
        (
            "in the clear, and the recipient refused or put off",
            [
                to("u@a.example", end: "dsn=5.1.1, reply=550 5.1.1 no such user, stat=User unknown"),
                to(
                    "u@b.example", "mx.b.example", id: "A2",
                    end: "dsn=4.7.1, reply=451 4.7.1 later, stat=Deferred: later"),
                to(
                    "u@c.example", "mx.c.example", id: "A3", end: "dsn=4.2.2, reply=452 4.2.2 full, stat=Deferred: full"
                ),
                to("u@c.example", "mx.c.example", id: "A4"),
            ],
            [
                "a.example mx.a.example 192.0.2.1 plaintext", "b.example mx.b.example 192.0.2.1 plaintext",
                "c.example mx.c.example 192.0.2.1 plaintext",
            ]
        ),
    ]
}
