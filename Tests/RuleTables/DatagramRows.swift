// SPDX-License-Identifier: Apache-2.0

/// Datagrams of libtlsrpt's protocol: as they were captured, odd ones that count, and ones that must be refused.
package enum DatagramRows {
    private static let record = #""pr": "v=TLSRPTv1; rua=mailto:tlsrpt@example.com,https://rpt.example.com/v1""#
    private static let good = #"{"policy-type":9,"policy-domain": "example.com","t":0,"f":0}"#
    private static func message(_ policies: String) -> String {
        #"{"dpv": "1","d": "example.com",\#(record),"policies":[\#(policies)]}"#
    }

    package static let stsSuccess = message(
        #"{"policy-type":2,"policy-domain": "example.com","policy-string":["version: STSv1","mode: enforce","mx: mail.example.com","mx: *.example.net","max_age: 604800"],"mx-host":["mail.example.com","*.example.net"],"t":0,"f":0}"#
    )
    package static let stsFailure = message(
        #"{"policy-type":2,"policy-domain": "example.com","policy-string":["version: STSv1","mode: enforce","mx: mail.example.com","max_age: 604800"],"mx-host":["mail.example.com"],"failure-details":[{"c":205,"s": "192.0.2.10","n": "mail.example.com","h": "mail.example.com\r\nPIPELINING\r\nSTARTTLS","r": "203.0.113.5","f": "self-signed_certificate"}],"t":1,"f":1}"#
    )
    package static let noPolicy =
        #"{"dpv": "1","d": "example.org",\#(record),"policies":[{"policy-type":9,"failure-details":[{"c":201,"s": "192.0.2.10","n": "mx.example.org","r": "203.0.113.9"}],"t":1,"f":1}]}"#
    package static let fetchError =
        #"{"dpv": "1","d": "example.net",\#(record),"policies":[{"policy-type":2,"policy-domain": "example.net","failure-details":[{"c":301,"a": "https://info.example/x","f": "HTTP 503"}],"t":1,"f":1}]}"#
    package static let twoPolicies = message(
        #"{"policy-type":1,"policy-domain": "mail.example.com","policy-string":["3 1 1 1F850A337E6DB9C609C522D136A475638CC43E1ED424F8EEC8513D747D1D085D"],"failure-details":[{"c":304,"s": "192.0.2.10","n": "mail.example.com","h": "mail.example.com","r": "203.0.113.5","f": "all-TLSA-records-unusable"},{"c":204,"s": "192.0.2.10","n": "mail.example.com","h": "mail.example.com","r": "203.0.113.6"}],"t":2,"f":1},{"policy-type":2,"policy-domain": "example.com","policy-string":["version: STSv1"],"mx-host":["mail.example.com"],"t":0,"f":0}"#
    )
    /// Captured too; the octet after `X` is a bare 0xFF, and the domain is none.
    package static let escapes: [UInt8] =
        Array(#"{"dpv": "1","d": "ex\"am\\ple.com\u0001\u007f","pr": "v=TLSRPTv1;rua=mailto:ä@e.com\tX"#.utf8) + [0xFF]
        + Array(#"/","policies":[{"policy-type":9,"policy-domain": "ex.com","t":0,"f":0}]}"#.utf8)

    package static let captured = [stsSuccess, stsFailure, noPolicy, fetchError, twoPolicies]

    /// Counted all the same, each as one session of `no-policy-found` for example.com that went well; with what is
    /// remarked.
    package static let tolerated: [(datagram: String, remarks: [String])] = [
        (message(good), []),
        (#"{"d":"example.com","pr":"","policies":[\#(good)]}"#, []),
        (#"{"d":"example.com","policies":[\#(good)]}"#, []),
        (
            #"{"dpv":"2","d":"example.com","policies":[\#(good)],"new":{"a":[null,1.5e300,"x"]}}"#,
            ["protocol version '2' is not '1'"]
        ),
        (#"{"dpv":1,"d":"example.com","policies":[\#(good)]}"#, ["protocol version is not '1'"]),
        (#"{"dpv":null,"d":"example.com","policies":[\#(good)]}"#, []),
        (#"{"d":"EXAMPLE.com.","policies":[{"policy-type":9,"f":0,"policy-string":null,"failure-details":null}]}"#, []),
        (message(#"{"policy-type":7,"f":1},"# + good), ["policy-type 7 is not known"]),
        (
            message(#"{"policy-type":-9223372036854775808,"f":1},"# + good),
            ["policy-type -9223372036854775808 is not known"]
        ),
        (message(#"{"policy-type":9,"f":2},"# + good), ["final result 2 is not known"]),
        (
            message(#"{"policy-type":2,"policy-domain":"no\nname","f":1},"# + good),
            [#"policy-domain 'no\x0Aname' is not valid"#]
        ),
        (message(#"{"policy-type":9,"mx-host":["a"],"policy-string":["b"],"t":99,"f":0}"#), []),
        (message(#"{"policy-type":9,"failure-details":[{"c":204,"n":"mx.example.com"}],"t":1,"f":0}"#), []),
        ("  \n" + message(good) + "\r\n ", []),
    ]

    /// With what the refusal says.
    package static let refused: [(datagram: String, why: String)] = [
        ("", "empty"),
        ("x", "no JSON that can be read"),
        ("{", "no JSON that can be read"),
        (String(message(good).dropLast()), "no JSON that can be read"),
        (message(good) + message(good), "no JSON that can be read"),
        ("\u{FEFF}", "no JSON that can be read"),
        ("\0", "no JSON that can be read"),
        (String(repeating: "[", count: 100_000), "no JSON that can be read"),
        (String(repeating: #"{"a":"#, count: 30_000), "no JSON that can be read"),
        (#"{"d":"\ud800","policies":[\#(good)]}"#, "no JSON that can be read"),
        ("5", "member (the whole) is missing or of the wrong type"),
        ("[]", "member (the whole) is missing or of the wrong type"),
        ("null", "member (the whole) is missing or of the wrong type"),
        ("{}", "member d is missing or of the wrong type"),
        (#"{"d":5,"policies":[\#(good)]}"#, "member d is missing or of the wrong type"),
        (#"{"d":"example.com"}"#, "member policies is missing or of the wrong type"),
        (#"{"d":"example.com","policies":{}}"#, "member policies is missing or of the wrong type"),
        (#"{"d":"example.com","policies":["x"]}"#, "member policies[0] is missing or of the wrong type"),
        (#"{"d":"example.com","pr":[],"policies":[\#(good)]}"#, "member pr is missing or of the wrong type"),
        (#"{"d":"","policies":[\#(good)]}"#, "domain is not valid: empty name"),
        (
            #"{"d":"ex\"am\\ple.com\u0001\u007f","policies":[\#(good)]}"#,
            "domain is not valid: character other than letters, digits and hyphen"
        ),
        (#"{"d":"192.0.2.1","policies":[\#(good)]}"#, "domain is not valid: last label is a number"),
        (message(""), "no policy of a kind that we know"),
        (message(#"{"policy-type":7,"f":1}"#), "no policy of a kind that we know"),
        (message(#"{"policy-type":2}"#), "member policies[0].f is missing or of the wrong type"),
        (message(#"{"policy-type":9.5,"f":0}"#), "no JSON that can be read"),
        (message(#"{"policy-type":9e99,"f":0}"#), "no JSON that can be read"),
        (message(#"{"policy-type":"9","f":0}"#), "member policies[0].policy-type is missing or of the wrong type"),
        (message(#"{"policy-type":9,"f":null}"#), "member policies[0].f is missing or of the wrong type"),
        (
            message(#"{"policy-type":2,"policy-string":["a",1],"f":0}"#),
            "member policies[0].policy-string[1] is missing or of the wrong type"
        ),
        (
            message(good + #",{"policy-type":2,"failure-details":[{"c":"204"}],"f":1}"#),
            "member policies[1].failure-details[0].c is missing or of the wrong type"
        ),
        (message(Array(repeating: good, count: 17).joined(separator: ",")), "more than 16 policies"),
    ]
}
