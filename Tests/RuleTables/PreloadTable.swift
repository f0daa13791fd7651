// SPDX-License-Identifier: Apache-2.0

/// Lists of policies for the fuzzer's first corpus: whole ones, and such as break off or contradict themselves.
package enum PreloadTable {
    package static let texts: [String] = [
        list(#""example.org": {"mode": "enforce", "mxs": ["mx.example.org", ".example.net"]}"#),
        list(
            #""a.example": {"policy-alias": "big"}"#, aliases: #""big": {"mode": "testing", "mxs": [".big.example"]}"#),
        list(#""a.example": {"policy-alias": "none"}"#),
        list(
            #""a.example": {"mode": "enforce", "mxs": ["b.example"]}, "a.example": {"mode": "enforce", "mxs": ["b.example"]}"#
        ),
        list(#""xn--bcher-kva.example": {"mode": "enforce", "mxs": ["*.example", "b..example", "c.example."]}"#),
        list("", timestamp: #""2018-09-28T11:57:09.977018279-07:00""#, expires: #""2038-01-19T03:14:07Z""#),
        list("", timestamp: "-1", expires: "1e300"),
        list(#""a.example": {"mode": "none", "mxs": [], "mxs": null, "x": [true, false, {"y": [[]]}]}"#),
        #"{"version": "0.1", "author": "\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t", "pinsets": {}"#,
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "{\"\\ud800\": 1}", "\u{FEFF}{}", "{} x", "01", "\"", "",
    ]

    private static func list(
        _ policies: String, aliases: String = "", timestamp: String = "1000", expires: String = "2000000000"
    ) -> String {
        #"{"version": "0.1", "timestamp": \#(timestamp), "expires": \#(expires), "author": "Example","#
            + #" "policy-aliases": {\#(aliases)}, "policies": {\#(policies)}}"#
    }
}
