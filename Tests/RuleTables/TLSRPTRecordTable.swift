// SPDX-License-Identifier: Apache-2.0

/// Rows for the tests and the fuzzer's first corpus. - RFC 8460 §3: Reporting Policy.
package enum TLSRPTRecordTable {
    /// Records and the destinations that they give.
    package static let valid: [(String, [String])] = [
        ("v=TLSRPTv1;rua=mailto:reports@example.com", ["mailto:reports@example.com"]),
        ("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", ["https://reporting.example.com/v1/tlsrpt"]),
        ("v=TLSRPTv1; rua=mailto:a@example.com;", ["mailto:a@example.com"]),
        ("v=TLSRPTv1 ; rua=mailto:a@example.com", ["mailto:a@example.com"]),
        ("v=TLSRPTv1\t;\trua=mailto:a@example.com \t;", ["mailto:a@example.com"]),
        (
            "v=TLSRPTv1; rua=mailto:a@example.com , https://b.example/x,mailto:c@example.com",
            ["mailto:a@example.com", "https://b.example/x", "mailto:c@example.com"]
        ),
        ("v=TLSRPTv1; ext=1; rua=mailto:a@example.com; other-ext_2.x=%3B", ["mailto:a@example.com"]),
        (
            "v=TLSRPTv1; rua=mailto:a@example.com; rua=https://b.example/",
            ["mailto:a@example.com", "https://b.example/"]
        ),
        ("v=TLSRPTv1; rua=mailto:a@example.com,mailto:a@example.com", ["mailto:a@example.com"]),
        ("v=TLSRPTv1; rua=ftp://x.example/,mailto:a@example.com", ["mailto:a@example.com"]),
        (
            "v=TLSRPTv1; rua=mailto:root@localhost,mailto:a@mx.localhost,https://intranet/,https://192.0.2.1/,"
                + "https://[2001:db8::1]/,mailto:a@example.com", ["mailto:a@example.com"]
        ),
        // A mail URI can have several addresses. - RFC 6068 §2
        (
            "v=TLSRPTv1; rua=mailto:a@b.example.com%2Cc@d.example.com",
            ["mailto:a@b.example.com", "mailto:c@d.example.com"]
        ),
        (
            "v=TLSRPTv1; rua=MailTo:a@example.com%2c%20b@example.com?cc=x%2Cy@example.com,https://b.example/x%2Cy",
            ["mailto:a@example.com", "mailto:b@example.com", "https://b.example/x%2Cy"]
        ),
        ("v=TLSRPTv1; rua=mailto:a@example.com%2Ca@example.com%2Croot@localhost!10m", ["mailto:a@example.com"]),
        // Extensions that break the grammar cost the record nothing.
        ("v=TLSRPTv1; not a field; rua=mailto:a@example.com", ["mailto:a@example.com"]),
        ("v=TLSRPTv1; rua=mailto:a@example.com; more=", ["mailto:a@example.com"]),
        (
            "v=TLSRPTv1; rua=mailto:a@example.com; \(String(repeating: "a", count: 33))=1",
            ["mailto:a@example.com"]
        ),
        ("v=TLSRPTv1; rua=mailto:a@example.com; 1%=a", ["mailto:a@example.com"]),
        ("v=TLSRPTv1; rua=mailto:a@example.com; test==", ["mailto:a@example.com"]),
        ("v=TLSRPTv1; rua=mailto:a@example.com;;", ["mailto:a@example.com"]),
        ("v=TLSRPTv1; note=ümlaut; rua=mailto:a@example.com", ["mailto:a@example.com"]),
        ("v=TLSRPTv1;;rua=mailto:a@example.com", ["mailto:a@example.com"]),
        // One URI that cannot be served does not cost the others.
        ("v=TLSRPTv1; rua=mailto:a@example.com b,mailto:c@example.com", ["mailto:c@example.com"]),
        ("v=TLSRPTv1; rua=mailto://a@example.com,mailto:a%2Fb@example.com", ["mailto:a%2Fb@example.com"]),
        ("v=TLSRPTv1; rua=https://b.example/?x=%2C%3B%21%2521", ["https://b.example/?x=%2C%3B%21%2521"]),
    ]

    /// Records of which nobody can be served, and how the reason begins.
    package static let unservable: [(String, String)] = [
        ("v=TLSRPTv1; rua=postmaster@example.com", "postmaster@example.com (neither mailto: nor https:)"),
        ("v=TLSRPTv1; rua=noscheme", "noscheme (neither mailto: nor https:)"),
        ("v=TLSRPTv1; rua=ftp://x.example/", "ftp://x.example/ (neither mailto: nor https:)"),
        ("v=TLSRPTv1; rua=http://bad/%", "http://bad/% (neither mailto: nor https:)"),
        ("v=TLSRPTv1; rua=mailto:", "mailto: (no mail address with a domain)"),
        (
            "v=TLSRPTv1; rua=mailto:smith%2Cjohn@example.com",
            "mailto:smith%2Cjohn@example.com (no mail address with a domain)"
        ),
        (
            "v=TLSRPTv1; rua=mailto:a%252Cb@example.com%2C",
            "mailto:a%252Cb@example.com%2C (no mail address with a domain)"
        ),
        (
            "v=TLSRPTv1; rua=mailto:%22a%2Cb%22@example.com",
            "mailto:%22a%2Cb%22@example.com (no mail address with a domain)"
        ),
        ("v=TLSRPTv1; rua=mailto:0", "mailto:0 (no mail address with a domain)"),
        (
            "v=TLSRPTv1; rua=mailto:a@example.com other",
            "mailto:a@example.com other (a character that no URI has)"
        ),
        ("v=TLSRPTv1; rua=mailto:a%252@example.com%", "mailto:a%252@example.com% (no mail address with a domain)"),
        (
            "v=TLSRPTv1; rua=mailto://r@example.com",
            "mailto://r@example.com (a / in a mail address that is not written %2F)"
        ),
        ("v=TLSRPTv1; rua=mailto:?to=a@example.com", "mailto:?to=a@example.com (no mail address with a domain)"),
        ("v=TLSRPTv1; rua=https:reports.example.com", "https:reports.example.com (no URL with a host)"),
        ("v=TLSRPTv1; rua=https://", "https:// (no URL with a host)"),
        ("v=TLSRPTv1; rua=https://u@b.example/", "https://u@b.example/ (a user name in the URL)"),
        (
            "v=TLSRPTv1; rua=https://reports/v1",
            "https://reports/v1 (a host without a dot, below localhost, or given by its address)"
        ),
        (
            "v=TLSRPTv1; rua=mailto:root@localhost",
            "mailto:root@localhost (a host without a dot, below localhost, or given by its address)"
        ),
        (
            "v=TLSRPTv1; rua=mailto:a\u{1b}[2J@example.com",
            "mailto:a\\x1B[2J@example.com (a character that no URI has)"
        ),
        ("v=TLSRPTv1; rua=a,b", "a (neither mailto: nor https:), b (neither mailto: nor https:)"),
    ]

    /// Records of which none has the version.
    package static let absent: [[String]] = [
        [], ["v=spf1 -all"], ["v=TLSRPTv2; rua=mailto:a@example.com"], ["V=TLSRPTv1; rua=mailto:a@example.com"],
        ["v=TLSRPTv1"], ["v=TLSRPTv10; rua=mailto:a@example.com"], [" v=TLSRPTv1; rua=mailto:a@example.com"], [""],
    ]

    /// Records that do not give exactly one valid one.
    package static let invalid: [[String]] = [
        ["v=TLSRPTv1; rua=mailto:a@example.com", "v=TLSRPTv1; rua=mailto:b@example.com"], ["v=TLSRPTv1;"],
        ["v=TLSRPTv1; RUA=mailto:a@example.com"], ["v=TLSRPTv1; rua="], ["v=TLSRPTv1; rua=,"],
        ["v=TLSRPTv1; rua= ; ext=1"], ["v=TLSRPTv1; rua=,, ,"], ["v=TLSRPTv1; ext=1"], ["v=TLSRPTv1; rua"],
        ["v=TLSRPTv1; rua =mailto:a@example.com"], ["v=TLSRPTv1;;"],
    ]

    /// URIs, and the destinations as they are written.
    package static let destinations: [(String, String)] = [
        ("MAILTO:A@Example.COM", "mailto:A@example.com"),
        ("mailto:a%2Bb@e.example?subject=x", "mailto:a+b@e.example"),
        ("mailto:a.b@example.com!10m", "mailto:a.b@example.com"),
        ("mailto:x%21y@example.com", "mailto:x%21y@example.com"),
        // Decoded once: what then looks encoded is a part of the address.
        ("mailto:a%252Bb@example.com", "mailto:a%252Bb@example.com"),
        ("mailto:a%2fb%3D%3f@example.com", "mailto:a%2Fb%3D%3F@example.com"),
        ("mailto:a=b&c@example.com", "mailto:a%3Db%26c@example.com"),
        ("mailto:a%40example.com", "mailto:a@example.com"),
        ("mailto:a@example.com#part", "mailto:a@example.com"),
        ("HTTPS://Example.com", "https://Example.com"),
        ("https://example.com:8443/a?b=c%2C#part", "https://example.com:8443/a?b=c%2C"),
        ("https://192.0.2.1/x", "https://192.0.2.1/x"),
        ("https://[2001:db8::1]:443/x", "https://[2001:db8::1]:443/x"),
    ]

    /// URIs that no report can be sent to.
    package static let refused: [String] = [
        "", "mailto:", "mailto:a", "mailto:@example.com", "mailto:a@", "mailto:a@[192.0.2.1]", "mailto:a@192.0.2.1",
        "mailto:a%0D%0ABcc:b@example.com", "mailto:a%20b@example.com", "mailto:\"a\"@example.com",
        "mailto:a%2Cb@x@example.com", "mailto:a%@example.com", "mailto:a%+1@example.com", "mailto:a%FF@example.com",
        "mailto://a@example.com", "mailto:/a@example.com", "mailto:a/b@example.com", "mailto:a#b@example.com",
        "mailto:a%2540example.com", "mailto:.a@example.com", "mailto:a@b@example.com", "mailto:a@example.com!huge",
        "mailto:ä@example.com",
        "mailto:\(String(repeating: "a", count: 65))@example.com", "a@example.com", "http://example.com/",
        "https:example.com", "https://", "https:///x", "https://user@example.com/", "https://example.com:0/",
        "https://example.com:70000/", "https://example.com:/", "https://exa mple.com/", "https://[::1/x",
        "https://2001:db8::1/",
        "https://[192.0.2.1]/", "https://a_b.example/", "https://example.com/\"x",
        "https://example.com\\@evil.example/",
        "https://example.com/\(String(repeating: "a", count: 3000))", "javascript:alert(1)",
    ]
}
