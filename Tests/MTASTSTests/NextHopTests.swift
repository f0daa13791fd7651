// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import Testing

@Suite("NextHop: every form in which an MTA names a route")
struct NextHopTests {
    static let transports: Set<String> = ["smtp", "relay", "esmtp", "dsmtp", "smtp8"]

    struct Row: Sendable {
        let mailer: String?
        let host: String?
        let expected: [String]
    }

    static let remoteRows: [Row] = [
        Row(mailer: nil, host: nil, expected: ["mx rcpt.example 25"]),
        Row(mailer: "error", host: "5.1.1 User unknown in virtual alias table", expected: ["mx rcpt.example 25"]),
        Row(mailer: "smtp", host: nil, expected: ["mx rcpt.example 25"]),
        Row(mailer: "smtp", host: "", expected: ["mx rcpt.example 25"]),
        Row(mailer: "smtp", host: "Good.Example", expected: ["mx good.example 25"]),
        Row(mailer: "esmtp", host: "good.example.", expected: ["mx good.example 25"]),
        Row(mailer: "relay", host: "[mx.good.example]", expected: ["host mx.good.example 25"]),
        Row(mailer: "relay", host: "[mx.good.example]:2525", expected: ["host mx.good.example 2525"]),
        Row(mailer: "smtp", host: "[mx.good.example]:submission", expected: ["host mx.good.example 587"]),
        Row(mailer: "smtp", host: "mx.good.example:587", expected: ["mx mx.good.example 587"]),
        Row(mailer: "smtp", host: "[127.0.1.1]", expected: ["address 127.0.1.1 25"]),
        Row(mailer: "smtp", host: "[ipv6:::1]:25", expected: ["address ::1 25"]),
        Row(mailer: "smtp", host: "[IPv6:2001:db8::1]:2525", expected: ["address 2001:db8::1 2525"]),
        Row(mailer: "smtp", host: "one.example, two.example", expected: ["mx one.example 25", "mx two.example 25"]),
        Row(mailer: "smtp", host: "[one.example]:587, two.example:26", expected: ["host one.example 587", "mx two.example 26"]),
        Row(mailer: "esmtp", host: "[one.example]:[two.example]", expected: ["host one.example 25", "host two.example 25"]),
        Row(mailer: "esmtp", host: "one.example.:two.example.", expected: ["mx one.example 25", "mx two.example 25"]),
        Row(mailer: "smtp", host: "inet:mx.example:24", expected: ["mx mx.example 24"]),
        Row(mailer: "smtp", host: "b\u{fc}cher.example", expected: ["mx xn--bcher-kva.example 25"]),
    ]

    @Test("a remote route", arguments: remoteRows)
    func remote(_ row: Row) throws {
        let recipient = Recipient(domain: try DomainName("rcpt.example"), mailer: row.mailer, host: row.host)
        guard case .remote(let hops) = recipient.destination(transports: Self.transports) else {
            Issue.record("\(row.host ?? "-") is taken for not ours")
            return
        }
        #expect(hops.map(text) == row.expected)
    }

    @Test(
        "what is not ours to judge",
        arguments: [
            ("local", "rcpt.example"), ("virtual", "rcpt.example"), ("lmtp", "unix:/run/lmtp"), ("discard", ""),
            ("smtp", "unix:/run/lmtp"), ("smtp", "[]"), ("smtp", "["), ("smtp", ":::"), ("smtp", "..."), ("smtp", "a b c\0"),
        ])
    func notOurs(_ mailer: String, _ host: String) throws {
        let recipient = Recipient(domain: nil, mailer: mailer, host: host)
        if case .remote(let hops) = recipient.destination(transports: Self.transports) {
            // Words that are names are taken as next hops, whatever stands around them.
            #expect(host == "a b c\0")
            #expect(hops.map(text) == ["mx a 25", "mx b 25"])
        }
    }

    @Test("an address without a domain and without a route is not ours")
    func noDomain() {
        guard case .notOurs = Recipient(domain: nil, mailer: nil, host: nil).destination(transports: Self.transports) else {
            Issue.record("judged without a domain")
            return
        }
    }

    private func text(_ hop: NextHop) -> String {
        switch hop {
        case .mx(let domain, let port): "mx \(domain) \(port)"
        case .host(let domain, let port): "host \(domain) \(port)"
        case .address(let address, let port): "address \(address) \(port)"
        }
    }
}
