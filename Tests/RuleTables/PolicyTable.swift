// SPDX-License-Identifier: Apache-2.0
import MTASTS

/// Rows for the tests and the fuzzer's first corpus.
package enum PolicyTable {
    package struct Valid: Sendable {
        package let body: String
        package var mode = Policy.Mode.enforce
        package var mx = ["mail.example.com"]
        package var maxAge: Int64 = 86_400
        package var warnings = 0
    }

    package struct Invalid: Sendable {
        package let body: String
        package let error: PolicyError
    }

    package static let minimal = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 86400\n"

    package static let valid: [Valid] = [
        Valid(body: minimal),
        Valid(
            body:
                "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n",
            mx: ["mail.example.com", "*.example.net", "backupmx.example.com"], maxAge: 604_800),
        Valid(body: "version:STSv1\nmode:enforce\nmx:mail.example.com\nmax_age:86400"),
        Valid(body: "version:\tSTSv1 \nmode:  enforce\t\nmx: mail.example.com  \nmax_age: 86400 \t\r\n"),
        Valid(body: minimal + "\n\n\r\n"),
        Valid(body: "\n\n" + minimal),
        Valid(body: "mx: mail.example.com\nmax_age: 86400\nmode: enforce\nversion: STSv1"),
        Valid(body: minimal + "extra: \u{fc}\u{1F600} text\nx-y.z_1: 1\nempty:\n"),
        Valid(body: minimal + "no colon here\n", warnings: 1),
        Valid(body: minimal + "mode: none\n", warnings: 1),
        Valid(body: minimal + "max_age: 1\nversion: STSv2\n", warnings: 2),
        Valid(body: "version: STSv1\nmode: testing\nmx: mail.example.com\nmax_age: 0\n", mode: .testing, maxAge: 0),
        Valid(body: "version: STSv1\nmode: none\nmax_age: 86400\n", mode: .none, mx: []),
        Valid(body: "version: STSv1\nmode: none\nmx: mail.example.com\nmax_age: 86400\n", mode: .none),
        Valid(body: "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 31557600\n", maxAge: 31_557_600),
        Valid(
            body: "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 31557601\n", maxAge: 31_557_600,
            warnings: 1),
        Valid(
            body: "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 99999999999999999999999999\n",
            maxAge: 31_557_600,
            warnings: 1),
        Valid(body: "version: STSv1\nmode: enforce\nmx: MAIL.Example.COM.\nmax_age: 086400\n"),
        Valid(
            body:
                "version: STSv1\nmode: enforce\nmx: 192.0.2.1\nmx: mail.example.com\nmx: *\nmx: a:.com\nmax_age: 86400\n",
            warnings: 3),
        Valid(
            body:
                "version: STSv1\nmode: enforce\nmx: mail.example.com ciphers=low\nmx: mail.example.com\nmax_age: 86400\n",
            warnings: 1),
    ]

    package static let invalid: [Invalid] = [
        Invalid(body: "", error: .missing("version")),
        Invalid(body: "<html><body>hello</body></html>", error: .missing("version")),
        Invalid(body: "mode: enforce\nmx: a.example\nmax_age: 1", error: .missing("version")),
        Invalid(body: "\u{feff}" + minimal, error: .byteOrderMark),
        Invalid(body: "\u{feff}", error: .byteOrderMark),
        Invalid(body: "\u{feff}mx: a.example\nversion: STSv1\nmode: enforce\nmax_age: 1", error: .byteOrderMark),
        Invalid(body: "\n\u{feff}" + minimal, error: .missing("version")),
        Invalid(body: "Version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1", error: .missing("version")),
        Invalid(
            body: "version: STSv2\nversion: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1",
            error: .unknownVersion("STSv2")),
        Invalid(body: "version: stsv1\nmode: enforce\nmx: a.example\nmax_age: 1", error: .unknownVersion("stsv1")),
        Invalid(body: "version: STSv1\nmx: a.example\nmax_age: 1", error: .missing("mode")),
        Invalid(body: "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1", error: .unknownMode("Enforce")),
        Invalid(body: "version: STSv1\nmode: report\nmx: a.example\nmax_age: 1", error: .unknownMode("report")),
        Invalid(body: "version: STSv1\nmode : enforce\nmx: a.example\nmax_age: 1", error: .missing("mode")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example", error: .missing("max_age")),
        Invalid(body: "version: STSv1\nmode: none\n", error: .missing("max_age")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: +1", error: .badMaxAge("+1")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1_000", error: .badMaxAge("1_000")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1", error: .badMaxAge("-1")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1.5", error: .badMaxAge("1.5")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age:\nmax_age: 1", error: .badMaxAge("")),
        Invalid(body: "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: \u{0661}", error: .badMaxAge("\u{0661}")),
        Invalid(body: "version: STSv1\nmode: enforce\nmax_age: 1", error: .noValidMX),
        Invalid(body: "version: STSv1\nmode: testing\nmx: *\nmx:\nmax_age: 1", error: .noValidMX),
        Invalid(
            body: "version: STSv1\rmode: enforce\rmx: a.example\rmax_age: 1",
            error: .unknownVersion("STSv1\rmode: enforce\rmx: a.example\rmax_age: 1")),
    ]
}
