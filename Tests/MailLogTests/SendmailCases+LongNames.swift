// SPDX-License-Identifier: Apache-2.0

extension SendmailCases {
    private static let long = "longcompany-com.mail.protection.outlook.com"
    /// As the lines that end a delivery have it.
    private static let cut = "longcompany-com.ma...ction.outlook.com"
    private static let other = "longcompany-com.main.protection.outlook.com"

    static let longNames: [(what: String, lines: [String], sessions: [String])] = [
        (
            "a long name, which the lines that end a delivery do not have in full",
            [tls(long), to("u@a.example", cut), to("v@b.example", cut, id: "A2")],
            ["a.example \(long) 192.0.2.1 trusted", "b.example \(long) 192.0.2.1 trusted"]
        ),
        (
            "a long name of which no line has more",
            [
                to("u@a.example", cut), to("v@a.example", cut), failedHandshake,
                to("u@c.example", cut, id: "A2", end: deferred),
            ],
            [
                "a.example \(cut) 192.0.2.1 plaintext",
                "c.example \(cut) 192.0.2.1 validation-failure tls-handshake-failure",
            ]
        ),
        (
            "a long name, in the clear and then with TLS",
            [to("u@a.example", cut), tls(long), to("v@a.example", cut, id: "A2"), to("w@a.example", cut, id: "A3")],
            ["a.example \(cut) 192.0.2.1 plaintext", "a.example \(long) 192.0.2.1 trusted"]
        ),
        (
            "two long names that differ in what the log leaves out",
            [
                tls(long), to("u@a.example", cut), tls(other),
                to("u@b.example", cut, id: "A2"),
                to("u@c.example", cut, id: "A3").replacing("192.0.2.1", with: "192.0.2.7"),
            ],
            [
                "a.example \(long) 192.0.2.1 trusted",
                "b.example \(other) 192.0.2.1 trusted",
                "c.example \(cut) 192.0.2.7 plaintext",
            ]
        ),
        (
            "a long name that the rules refuse, and its successor",
            [
                "ruleset=tls_server, arg1=NONE, relay=\(long), reject=403 4.7.0 words", tls("mx2.example"),
                to("u@a.example", "mx2.example"),
                "ruleset=tls_server, arg1=FAIL, relay=\(long), reject=403 4.7.0 words",
                to("u@b.example", cut, id: "A2", end: deferred), to("v@c.example", cut, id: "A2", end: deferred),
            ],
            [
                "a.example \(long) starttls-not-supported", "a.example mx2.example 192.0.2.1 trusted",
                "b.example \(long) 192.0.2.1 certificate-not-trusted",
                "c.example \(long) 192.0.2.1 certificate-not-trusted",
            ]
        ),
    ]
}
