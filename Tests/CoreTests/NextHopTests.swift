// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import RuleTables
import Testing

@Suite("NextHop: every form in which an MTA names a route")
struct NextHopTests {
    static let transports: Set<String> = ["smtp", "relay", "esmtp", "dsmtp", "smtp8"]
    private static let services = ServicePorts(table: MapKeyTable.services)

    @Test("a remote route", arguments: NextHopTable.rows)
    func remote(_ row: NextHopTable.Row) throws {
        let recipient = Recipient(domain: try DomainName("rcpt.example"), mailer: row.mailer, host: row.host)
        guard case .remote(let hops) = recipient.destination(transports: Self.transports, services: Self.services)
        else {
            Issue.record("\(row.host ?? "-") is taken for not ours")
            return
        }
        #expect(hops.map(text) == row.expected)
    }

    @Test(
        "what is not ours to judge",
        arguments: [
            ("local", "rcpt.example"), ("virtual", "rcpt.example"), ("lmtp", "unix:/run/lmtp"), ("discard", ""),
            ("smtp", "unix:/run/lmtp"), ("smtp", "[]"), ("smtp", "["), ("smtp", ":::"), ("smtp", "..."),
            ("smtp", "a b c\0"), ("error", "5.1.1 User unknown in virtual alias table"),
        ])
    func notOurs(_ mailer: String, _ host: String) throws {
        let recipient = Recipient(domain: nil, mailer: mailer, host: host)
        if case .remote(let hops) = recipient.destination(transports: Self.transports, services: Self.services) {
            // Words that are names are taken as next hops, whatever stands around them.
            #expect(host == "a b c\0")
            #expect(hops.map(text) == ["mx a 25", "mx b 25"])
        }
    }

    @Test("an address without a domain and without a route is not ours")
    func noDomain() {
        guard
            case .notOurs = Recipient(domain: nil, mailer: nil, host: nil).destination(
                transports: Self.transports, services: Self.services)
        else {
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
