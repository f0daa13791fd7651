// SPDX-License-Identifier: Apache-2.0
import Basics
import Gzip

/// A part of what one machine has counted on a day, on its way to the fleet's database. It never changes.
package struct CountBatch: Sendable, Hashable {
    /// Grows with each batch of a store, and is never used again.
    package let number: Int64
    package let day: UTCDay
    package let lines: Int
    package let sessions: Int
    /// The lines of a file of counts, as gzip. A policy of a domain may stand in several batches: they add up.
    package let body: [UInt8]

    package init(number: Int64, day: UTCDay, lines: Int, sessions: Int, body: [UInt8]) {
        self.number = number
        self.day = day
        self.lines = lines
        self.sessions = sessions
        self.body = body
    }

    /// The octets of a batch with these lines.
    package static func body(of lines: [CountsLine]) throws -> [UInt8] {
        var writer = try GzipWriter()
        for line in lines { try writer.write(try CountsEntry.line(line).octets + [0x0A]) }
        return try writer.finish()
    }

    /// All lines of a batch at once.
    package static func lines(in body: [UInt8]) throws(CountsFileError) -> [CountsLine] {
        var lines = CountBatchLines(body)
        return try lines.next(.max)
    }
}

/// The batches of this machine, kept until the database has had them for some days: one that was put back to an older state,
/// or a standby that lacks the last transactions, gets them again.
package protocol CountBatches: Sendable {
    /// Makes batches of what was counted since the last call. A count is in one batch, whatever is interrupted.
    /// - Parameter isThorough: whether days before yesterday are looked through as well.
    /// - Returns: how many were made.
    @discardableResult
    func seal(at time: UTCTime, isThorough: Bool) async throws -> Int
    /// The oldest that wait to be sent, and the identity of the store that has them: another one may have taken its place.
    func waiting(limitOctets: Int) async throws -> (node: String, batches: [CountBatch])
    /// Notes that the database has them.
    func noteShipped(_ numbers: [Int64], at time: UTCTime) async throws
    /// Numbers of those that the database has had and that are kept here; and the newest number of all.
    func shipped() async throws -> (kept: [Int64], newest: Int64)
    /// Has them wait again, since the database lacks them.
    func noteLacking(_ numbers: [Int64]) async throws
    /// Lets go of what the database has had since before.
    func dropShipped(before time: UTCTime) async throws
    func backlog() async throws -> CountBacklog
}

/// What waits to be sent.
package struct CountBacklog: Sendable, Hashable {
    package let batches: Int
    /// The oldest day of them.
    package let oldest: UTCDay?

    package init(batches: Int, oldest: UTCDay?) {
        self.batches = batches
        self.oldest = oldest
    }
}
