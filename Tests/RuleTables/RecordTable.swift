// SPDX-License-Identifier: Apache-2.0

/// Rows for the tests and the fuzzer's first corpus.
package enum RecordTable {
    package struct Valid: Sendable {
        package let records: [String]
        package let id: String
    }

    package static let valid: [Valid] = [
        Valid(records: ["v=STSv1; id=20160831085700Z;"], id: "20160831085700Z"),
        Valid(records: ["v=STSv1;id=1"], id: "1"),
        Valid(records: ["v=STSv1 ; id=1"], id: "1"),
        Valid(records: ["v=STSv1\t;\tid=1\t;"], id: "1"),
        Valid(records: ["v=STSv1; id=1 ; "], id: "1"),
        Valid(records: ["v=STSv1; id=1 "], id: "1"),
        Valid(records: ["v=STSv1; x=y; id=1"], id: "1"),
        Valid(records: ["v=STSv1; id=1; more="], id: "1"),
        Valid(records: ["v=STSv1; id=1; 1%=a"], id: "1"),
        Valid(records: ["v=STSv1; id=1; test=="], id: "1"),
        Valid(records: ["v=STSv1; id=1; \(String(repeating: "a", count: 33))=1"], id: "1"),
        Valid(records: ["v=STSv1; note=has space; id=1"], id: "1"),
        Valid(records: ["v=STSv1; foo-bar=x; id=1"], id: "1"),
        Valid(records: ["v=STSv1; foo=; id=1"], id: "1"),
        Valid(records: ["v=STSv1; id=1; foo"], id: "1"),
        Valid(records: ["v=STSv1; id=1;;"], id: "1"),
        Valid(records: ["v=STSv1; id=1; id=2"], id: "1"),
        Valid(records: ["v=STSv1; id=1", "v=spf1 -all"], id: "1"),
        Valid(records: ["v=STSv1; id=1", "v=STSv10; id=2"], id: "1"),
        Valid(
            records: ["some text", "v=STSv1; id=abcDEF0123456789abcDEF0123456789"],
            id: "abcDEF0123456789abcDEF0123456789"),
        Valid(records: ["v=STSv1; id=1; x=\u{fc}"], id: "1"),
    ]

    package static let absent: [[String]] = [
        [], [""], ["v=spf1 -all"], ["v=STSv10; id=1"], ["V=STSv1; id=1"], ["v=stsv1; id=1"], [" v=STSv1; id=1"],
        ["v=STSv1x; id=1"], ["\"v=STSv1; id=1\""],
    ]

    package static let invalid: [[String]] = [
        ["v=STSv1"], ["v=STSv1;"], ["v=STSv1; id="], ["v=STSv1; id=a-b"], ["v=STSv1; id=a b"], ["v=STSv1; ID=1"],
        ["v=STSv1; id =1"], ["v=STSv1; id=" + String(repeating: "a", count: 33)], ["v=STSv1; id=\u{fc}"],
        ["v=STSv1; id=1", "v=STSv1; id=1"], ["v=STSv1; id=1", "v=STSv1;"], ["v=STSv1; id=; id=1"],
        ["v=STSv1; id=1\r\nx"], ["v=STSv1; id=1\0"],
    ]
}
