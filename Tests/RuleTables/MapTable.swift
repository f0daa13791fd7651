// SPDX-License-Identifier: Apache-2.0

/// Rows for the policy map: frames, and policies that try to say more in an answer than they may.
package enum MapTable {
    package enum Frame: Sendable, Hashable {
        case whole(String)
        case incomplete
        case malformed
    }

    package static let frames: [(octets: String, frame: Frame)] = [
        ("19:postfix example.com,", .whole("postfix example.com")),
        ("27:QUERYwithTLSRPT example.com,", .whole("QUERYwithTLSRPT example.com")),
        ("15:sts example.com,", .whole("sts example.com")),
        ("3:a b,3:c d,", .whole("a b")),
        ("0:,", .whole("")),
        ("8:postfix ,", .whole("postfix ")),
        ("5:a,b:c,", .whole("a,b:c")),
        ("10000:" + String(repeating: "x", count: 10_000) + ",", .whole(String(repeating: "x", count: 10_000))),
        ("", .incomplete),
        ("1", .incomplete),
        ("10000", .incomplete),
        ("19:", .incomplete),
        ("19:postfix example.com", .incomplete),
        (":", .malformed),
        (":,", .malformed),
        ("01:a,", .malformed),
        ("00:,", .malformed),
        ("-1:a,", .malformed),
        ("+1:a,", .malformed),
        (" 1:a,", .malformed),
        ("1 :a,", .malformed),
        ("1;a,", .malformed),
        ("1:ab", .malformed),
        ("1:a;", .malformed),
        ("10001", .malformed),
        ("99999:", .malformed),
        ("100000", .malformed),
        ("4294967297:a,", .malformed),
        ("18446744073709551617:a,", .malformed),
        ("0x1:a,", .malformed),
        ("GET / HTTP/1.1\r\n", .malformed),
        ("\u{16}\u{3}\u{1}", .malformed),
        ("१:a,", .malformed),
    ]

    /// Pieces of policy bodies, each a line of its own when put together.
    package static let hostileLines: [String] = [
        "version: STSv1", "mode: enforce", "mode: testing", "max_age: 86400",
        "mx: mx.example.com", "mx: *.example.net", "mx: MX.Example.COM.", "mx: *", "mx: *.", "mx: .", "mx: .com",
        "mx: a:.com", "mx: a,b.example", "mx: x ciphers=low", "mx: x.example ciphers=low", "mx: x.example\tciphers=low",
        "mx: 192.0.2.1", "mx: [192.0.2.1]", "mx: 2001:db8::1", "mx: *.192.0.2.1", "mx: hostname", "mx: nexthop",
        "mx: dot-nexthop", "mx: {x.example}", "mx: x.example }", "mx: } ciphers=low {", "mx: x=y.example",
        "mx: \"x.example\"", "mx: x'example", "mx: xn--bcher-kva.example", "mx: bücher.example", "mx: a_b.example",
        "mx: x.example\u{0}y", "mx: x.example\u{1B}[31m", "mx: x.example\u{7F}", "mx: *.*.example", "mx: x.*.example",
        "mx: -x.example", "mx: x..example", "ext: } ciphers=low {", "ext: }", "ext: {", "ext: {}", "ext: } } {",
        "ext: , ciphers=low", "ext: = =", "ext: \"'\\", "ext: \\", "ext: %s %n", "ext: policy_type=sts",
        "ext: x } policy_type=tlsa { y", "ext: 32:OK dane-only,", "ext: \u{1}\u{2}\u{7F}", "ext: \u{B}x\u{C}y",
        "ext: \u{85}x\u{2028}ciphers=low", "ext: ünïcödé", "ext: \u{FEFF}", "ext:", "ext: ", "\t", " ", "=", "=x", "x",
        "ext: a\tb   c", "ext: $mydomain ${x}", "ext: `x`", "ext: <!-- -->", "ext: a\rciphers=low",
        "ext: " + String(repeating: "y", count: 5000),
    ]

    /// Whole bodies of the kinds that were seen to break other programs.
    package static let hostileBodies: [String] = [
        body(mx: (0..<2000).map { "mx\($0).a-rather-long-label.example.net" }),
        body(mx: (0..<2000).map { "*.w\($0).example.net" }),
        body(mx: (0..<5000).map { "m\($0).io" }),
        body(mx: ["mx.example.com"], more: hostileLines),
        body(mx: ["*.example.net"], more: hostileLines),
        hostileLines.joined(separator: "\n"),
        body(mx: ["mx.example.com"], more: (0..<3000).map { "ext\($0): } ciphers=low {" }),
        body(mx: ["mx.example.com"], more: (0..<6000).map { "e\($0): yyyyyyyyyyyy" }),
    ]

    package static func body(mx: [String], mode: String = "enforce", more: [String] = []) -> String {
        (["version: STSv1", "mode: \(mode)"] + mx.map { "mx: \($0)" } + ["max_age: 604800"] + more)
            .joined(separator: "\r\n") + "\r\n"
    }
}
