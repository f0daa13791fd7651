// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TestKit
import Testing

@Suite("dueWork: what is to be done for a policy in use, although no mail asks")
struct DueWorkTests {
    enum Due: Sendable { case nothing, refresh, end }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let due: Due
        let seconds: Int
        let maxAge: Int
        let mode: Policy.Mode
        /// Whether mail asked when it was learned.
        let isInUse: Bool
        /// The last fetch failed, so many seconds before.
        let failed: Int?

        init(
            _ what: String, _ due: Due, after seconds: Int, maxAge: Int = 7 * 86_400, mode: Policy.Mode = .enforce,
            isInUse: Bool = true, failed: Int? = nil
        ) {
            testDescription = what
            self.due = due
            self.seconds = seconds
            self.maxAge = maxAge
            self.mode = mode
            self.isInUse = isInUse
            self.failed = failed
        }
    }

    static let (day, halfDay) = (86_400, 43_200)

    static let rows: [Row] = [
        Row("one that was just fetched", .nothing, after: 0),
        Row("within three quarters of the interval", .nothing, after: 32_399),
        Row("after the interval", .refresh, after: halfDay),
        Row("whatever its mode", .refresh, after: halfDay, mode: .none),
        Row("a short life, within three eighths of it", .nothing, after: 1349, maxAge: 3600),
        Row("a short life, after half of it", .refresh, after: 1800, maxAge: 3600),
        Row("fetched by a clock that has been set back since", .refresh, after: -60),
        Row("no mail asked for it", .nothing, after: halfDay, isInUse: false),
        Row("no mail for a month", .nothing, after: 31 * day, maxAge: 60 * day),
        Row("mail within a month", .refresh, after: 29 * day, maxAge: 60 * day),
        Row("a fetch failed, and its pause lasts", .nothing, after: halfDay, failed: 299),
        Row("a fetch failed, and its pause is over", .refresh, after: halfDay, failed: 300),
        Row("at the end of its life", .end, after: 7 * day),
        Row("at the end of its life, while fetches pause", .end, after: 7 * day, failed: 10),
        Row("at the end of a life that no mail asked for", .nothing, after: 7 * day, isInUse: false),
    ]

    @Test("what is due when", arguments: rows)
    func due(_ row: Row) async throws {
        let world = World()
        let cache = world.policyCache()
        let domain = try DomainName("example.org")
        world.discoverer.recordAnswer = announce("1")
        world.discoverer.policyAnswer = .success(body(row.mode, maxAge: row.maxAge))
        let found = await cache.refresh(domain)
        if row.isInUse { cache.noteUse(of: domain, found: found) }
        // The look at the record that mail begins is none of this work.
        await settle()
        if let failed = row.failed {
            world.clock.advance(by: .seconds(row.seconds - failed))
            world.discoverer.policyAnswer = .failure(.failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 503")))
            _ = await cache.refresh(domain)
            world.clock.advance(by: .seconds(failed))
        } else {
            world.clock.advance(by: .seconds(row.seconds))
        }
        let due = cache.dueWork(at: world.clock.now)
        #expect(due.refreshes == (row.due == .refresh ? [domain] : []))
        #expect(Array(due.ended.keys) == (row.due == .end ? [domain] : []))
        // It is a list, and changes nothing.
        let again = cache.dueWork(at: world.clock.now)
        #expect(again.refreshes == due.refreshes && again.ended.keys == due.ended.keys)
    }
}
