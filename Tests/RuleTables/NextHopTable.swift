// SPDX-License-Identifier: Apache-2.0

/// Rows for the tests and the fuzzer's first corpus.
package enum NextHopTable {
    package struct Row: Sendable {
        package let mailer: String?
        package let host: String?
        package let expected: [String]
    }

    package static let rows: [Row] = [
        Row(mailer: nil, host: nil, expected: ["mx rcpt.example 25"]),
        Row(mailer: "smtp", host: nil, expected: ["mx rcpt.example 25"]),
        Row(mailer: "smtp", host: "", expected: ["mx rcpt.example 25"]),
        Row(mailer: "smtp", host: "Good.Example", expected: ["mx good.example 25"]),
        Row(mailer: "esmtp", host: "good.example.", expected: ["mx good.example 25"]),
        Row(mailer: "relay", host: "[mx.good.example]", expected: ["host mx.good.example 25"]),
        Row(mailer: "relay", host: "[mx.good.example]:2525", expected: ["host mx.good.example 2525"]),
        Row(mailer: "smtp", host: "[mx.good.example]:submission", expected: ["host mx.good.example 587"]),
        Row(mailer: "smtp", host: "[mx.good.example]:urd", expected: ["host mx.good.example 465"]),
        Row(mailer: "smtp", host: "[mx.good.example]:", expected: ["host mx.good.example 25"]),
        Row(mailer: "smtp", host: "Good.Example:MAIL", expected: ["mx good.example 25"]),
        Row(mailer: "smtp", host: "good.example:qmtp", expected: ["mx good.example 209"]),
        Row(
            mailer: "smtp", host: "[one.example]:ssmtp, two.example:smtp",
            expected: ["host one.example 465", "mx two.example 25"]),
        Row(mailer: "smtp", host: "mx.good.example:587", expected: ["mx mx.good.example 587"]),
        Row(mailer: "smtp", host: "[127.0.1.1]", expected: ["address 127.0.1.1 25"]),
        Row(mailer: "smtp", host: "[ipv6:::1]:25", expected: ["address ::1 25"]),
        Row(mailer: "smtp", host: "[IPv6:2001:db8::1]:2525", expected: ["address 2001:db8::1 2525"]),
        Row(mailer: "smtp", host: "one.example, two.example", expected: ["mx one.example 25", "mx two.example 25"]),
        Row(
            mailer: "smtp", host: "[one.example]:587, two.example:26",
            expected: ["host one.example 587", "mx two.example 26"]),
        Row(
            mailer: "esmtp", host: "[one.example]:[two.example]",
            expected: ["host one.example 25", "host two.example 25"]),
        // Of Sendmail's hosts one with a dot is a host, whatever the table of services says.
        Row(mailer: "esmtp", host: "one.example:backup", expected: ["mx one.example 25", "mx backup 25"]),
        Row(
            mailer: "esmtp", host: "one.example:[two.example]:three.example",
            expected: [
                "mx one.example 25", "host two.example 25", "mx three.example 25",
            ]),
        Row(mailer: "esmtp", host: "one.example.:two.example.", expected: ["mx one.example 25", "mx two.example 25"]),
        Row(mailer: "smtp", host: "inet:mx.example:24", expected: ["mx mx.example 24"]),
        Row(mailer: "smtp", host: "b\u{fc}cher.example", expected: ["mx xn--bcher-kva.example 25"]),
    ]
}
