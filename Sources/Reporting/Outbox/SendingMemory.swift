// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// A delivery that a machine of a fleet has marked as being sent: what it alone knows should the fleet's database forget it.
package struct KeptSending: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        /// The destination may have the report.
        case underWay
        /// It has not: the mark was tried, and not followed by the last octet.
        case withdrawn
        case concluded(DeliveryConclusion)
    }

    package let day: UTCDay
    package let domain: DomainName
    package let destination: ReportDestination
    /// How often the operator had the delivery made anew.
    package let round: Int64
    /// The process that marked it.
    package let owner: String
    /// Finished attempts before this one.
    package let attempts: Int
    package let markedAt: UTCTime
    package let outcome: Outcome

    package init(
        day: UTCDay, domain: DomainName, destination: ReportDestination, round: Int64, owner: String, attempts: Int,
        markedAt: UTCTime, outcome: Outcome
    ) {
        self.day = day
        self.domain = domain
        self.destination = destination
        self.round = round
        self.owner = owner
        self.attempts = attempts
        self.markedAt = markedAt
        self.outcome = outcome
    }
}

/// What a machine of a fleet remembers of its own deliveries, kept across restarts.
package protocol SendingMemory: Sendable {
    /// Writes it, in the place of what was there of the same delivery.
    func keep(_ sending: KeptSending) async throws
    /// Lets go of it, unless something else was written since.
    func forget(_ sending: KeptSending) async throws
    /// All that is kept, some at a time in the order of days, domains and destinations.
    /// - Parameter last: the last of the piece before.
    func sendings(after last: KeptSending?) async throws -> [KeptSending]
    /// Lets go of what was marked before.
    func forgetSendings(before time: UTCTime) async throws
    /// The highest number of a mark that the fleet's database was seen to have; 0 at first.
    func highestMark() async throws -> Int64
    func noteMark(_ number: Int64) async throws
}
