// SPDX-License-Identifier: Apache-2.0
import Basics
@testable import Reporting
import Testing
@testable import TLSRPT

@Suite("Deliveries share the carriages, and a day has bounds")
struct DeliverySharesTests {
    /// Which of these begin, by their numbers, when two of a source, three of a site and two of a host may.
    static let rows: [(what: String, places: [(source: String, site: String, host: String)], begin: [Int])] = [
        ("strangers all begin", [("a", "a", "a"), ("b", "b", "b"), ("c", "c", "c")], [0, 1, 2]),
        (
            "many names of one owner have two", [("a", "x", "1"), ("a", "y", "2"), ("a", "z", "3"), ("b", "b", "b")],
            [0, 1, 3]
        ),
        (
            "hosts of one owner have three, whoever sends",
            [("a", "x", "1"), ("b", "x", "2"), ("c", "x", "3"), ("d", "x", "4"), ("e", "y", "5")], [0, 1, 2, 4]
        ),
        ("one host has two", [("a", "x", "1"), ("b", "x", "1"), ("c", "x", "1"), ("c", "x", "2")], [0, 1, 3]),
    ]

    @Test(arguments: rows.indices)
    func shares(_ index: Int) {
        let row = Self.rows[index]
        var order = DeliveryOrder()
        (order.limitPerSource, order.limitPerSite, order.limitPerHost) = (2, 3, 2)
        var shares = DeliveryShares(order)
        var begun: [Int] = []
        for (number, place) in row.places.enumerated() {
            let place = DeliveryPlace(source: place.source, site: place.site, host: place.host)
            guard shares.admits(place) else { continue }
            shares.begin(place)
            begun.append(number)
        }
        #expect(begun == row.begin, "\(row.what)")
    }

    @Test(
        "the more a source has had, the later its next turn",
        arguments: [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (1000, 10), (1_000_000, 12)])
    func turns(_ count: Int, _ turn: Int) {
        #expect(DeliveryShares.turn(after: count) == turn)
        #expect(DeliveryShares.turns.contains(turn))
    }

    @Test("names are one by their registrable domain")
    func place() throws {
        let destination = try ReportDestination("https://r1.reports.example.co.uk/x")
        let place = DeliveryPlace(from: try DomainName("a.b.example.org"), to: destination)
        #expect(place == DeliveryPlace(source: "example.org", site: "example.co.uk", host: "r1.reports.example.co.uk"))
    }

    @Test(
        "sub-addresses and case make no other mailbox, a path no other host",
        arguments: [
            ("mailto:victim@example.org", "mailto:victim+1@example.org", true),
            ("mailto:victim@example.org", "mailto:Victim+a+b@EXAMPLE.org", true),
            ("mailto:victim@example.org", "mailto:other@example.org", false),
            ("mailto:victim@example.org", "mailto:victim@mail.example.org", false),
            ("mailto:+a@example.org", "mailto:+b@example.org", false),
            ("https://r.example.org/a", "https://R.example.org:8443/b?c", true),
            ("https://r.example.org/a", "https://s.example.org/a", false),
        ])
    func folded(_ left: String, _ right: String, _ isOne: Bool) throws {
        let keys = try [left, right].map { try ReportDestination($0).foldedKey }
        #expect((keys[0] == keys[1]) == isOne)
    }
}
