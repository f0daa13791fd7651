// SPDX-License-Identifier: Apache-2.0
import Basics

/// Adds up what several machines have counted on a day. All of it can be made again: nothing needs to outlast the process.
package protocol DaySums: Sendable {
    /// Lets go of all that there was.
    func begin() async throws
    /// Adds to what is there; a domain's policy may come again and again.
    func add(_ lines: [CountsLine], on day: UTCDay) async throws
    /// The next domains of the day; a piece is small enough to be held in memory.
    func piece(of day: UTCDay, in range: DomainRange) async throws -> ResultsPiece
    /// Lets go of domains that want no report.
    func drop(_ domains: [DomainName], of day: UTCDay) async throws
    /// Leaves nothing behind.
    func end()
}
