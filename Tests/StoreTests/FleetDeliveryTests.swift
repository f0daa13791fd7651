// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import Reporting
import TLSRPT
import TestKit
import Testing
@testable import Store

@Suite("A machine remembers what it has sent for its fleet")
struct FleetDeliveryTests {
    private func sending(
        _ domain: String, attempts: Int = 0, at seconds: Int64 = 1000, _ outcome: KeptSending.Outcome
    ) throws -> KeptSending {
        KeptSending(
            day: UTCDay(daysSinceEpoch: 20_000), domain: try DomainName(domain),
            destination: try ReportDestination("mailto:a%2Fb@\(domain)"), round: 1, owner: "o", attempts: attempts,
            markedAt: UTCTime(secondsSinceEpoch: seconds), outcome: outcome)
    }

    @Test("across a restart, with what came of it; the last word stands, and is not forgotten for an earlier one")
    func kept() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/test.sqlite"
        let conclusion = DeliveryConclusion(.accepted, nextTry: UTCTime(secondsSinceEpoch: 5), text: "201")
        let all = [
            try sending("a.example", .underWay), try sending("b.example", .withdrawn),
            try sending("c.example", .concluded(conclusion)),
        ]
        do {
            let store = try Store(path: path, logger: Logger(label: "test"))
            for one in all.reversed() { try await store.keep(one) }
            try await store.noteMark(7)
            try await store.noteMark(3)
            try store.close()
        }
        let store = try Store(path: path, logger: Logger(label: "test"))
        #expect(try await store.sendings(after: nil) == all)
        #expect(try await store.sendings(after: all[1]) == [all[2]])
        #expect(try await store.highestMark() == 7)
        let later = try sending("a.example", attempts: 1, at: 2000, .underWay)
        try await store.keep(later)
        try await store.forget(all[0])
        #expect(try await store.sendings(after: nil).first == later)
        try await store.forgetSendings(before: UTCTime(secondsSinceEpoch: 2000))
        #expect(try await store.sendings(after: nil) == [later])
        try await store.forget(later)
        #expect(try await store.sendings(after: nil).isEmpty)
    }

    @Test("there is room for more than one piece")
    func pieces() async throws {
        let directory = try TemporaryDirectory()
        let store = try Store(path: directory.path + "/test.sqlite", logger: Logger(label: "test"))
        for number in 0..<1001 { try await store.keep(sending("d\(number).example", .underWay)) }
        var count = 0
        var last: KeptSending?
        while let piece = try? await store.sendings(after: last), let end = piece.last {
            count += piece.count
            last = end
        }
        #expect(count == 1001)
    }
}
