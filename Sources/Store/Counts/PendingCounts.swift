// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TLSRPT

/// Counts on their way to the disk, bounded: what has no room loses its details first, and only then itself.
package struct PendingCounts: Sendable {
    /// Tallies held.
    static let maxTallies = 24_000
    /// Kinds of failure held in all tallies, some 500 octets each.
    static let maxDetails = 24_000
    /// Octets of tallies, some 400 each and the texts of their policies, which strangers write.
    static let maxTallyOctets = 12 << 20
    private static let tallyOctets = 400
    /// Most octets of all.
    package static let maxOctets = maxTallyOctets + maxDetails * 500

    /// Nil for counts that are written at once, all or none: the caller limits them.
    private let budget: PendingBudget?
    private(set) var tallies = TallyTable()
    private(set) var detailCount = 0
    private var octets = 0
    /// Sessions that could not be counted for want of room.
    private(set) var lost = 0

    /// - Parameter room: shared by counts that are bounded together.
    init(in budget: PendingBudget?) { self.budget = budget }

    var isEmpty: Bool { tallies.isEmpty && lost == 0 }

    mutating func add(_ session: SessionCount, times: Int = 1) {
        let key = TallyKey(day: session.day, domain: session.domain, policy: session.policy)
        add(key, failure: session.failure, times: times)
    }

    /// One session that went well under the domain's own policy.
    /// - Parameter hash: that of the key.
    mutating func addSuccess(_ hash: UInt64, _ day: UTCDay, _ domain: DomainName, _ policy: Policy) {
        if let place = tallies.place(of: hash, day, domain, policy) {
            tallies[place].successes += 1
        } else {
            add(TallyKey(day: day, domain: domain, policy: .sts(domain, policy)), failure: nil, times: 1)
        }
    }

    /// - Parameter failure: nil for sessions that went well.
    mutating func add(_ key: TallyKey, failure: FailureDetails?, times: Int) {
        guard let index = place(of: key) else {
            lost += times
            return
        }
        guard let failure else {
            tallies[index].successes += times
            return
        }
        tallies[index].failures += times
        add(failure, times, at: index)
    }

    /// What was counted so far, which is held no longer.
    mutating func take() -> PendingCounts {
        let taken = self
        budget?.giveBack(tallies: tallies.count, octets: octets, details: detailCount)
        self = PendingCounts(in: budget)
        return taken
    }

    /// Puts back what could not be written.
    mutating func add(_ other: PendingCounts) {
        lost += other.lost
        for row in other.tallies.rows {
            let tally = row.tally
            guard let index = place(of: row.key) else {
                lost += tally.successes + tally.failures
                continue
            }
            tallies[index].merge(Tally(successes: tally.successes, failures: tally.failures))
            for (details, sessions) in tally.details { add(details, sessions, at: index) }
        }
    }

    private mutating func place(of key: TallyKey) -> Int? {
        if let index = tallies.place(of: key) { return index }
        let needed = Self.tallyOctets + key.domain.ascii.utf8.count + key.policy.heldOctets
        if let budget, !budget.takeTally(needed) { return nil }
        octets += needed
        return tallies.add(key)
    }

    private mutating func add(_ details: FailureDetails, _ sessions: Int, at index: Int) {
        if let known = tallies[index].details.index(forKey: details) {
            tallies[index].details.values[known] += sessions
            return
        }
        let held = tallies[index].details.count
        let hasRoom = held < Ledger.maxDetails && budget?.hasDetail ?? true
        tallies[index].details[hasRoom ? details : details.folded, default: 0] += sessions
        guard tallies[index].details.count > held else { return }
        detailCount += 1
        budget?.takeDetail()
    }
}

extension FailureDetails {
    /// What stays of details for which there is no room: their type, and a note that says so.
    var folded: FailureDetails {
        var folded = FailureDetails(type: type)
        folded.reasonCode = Self.foldedReason
        return folded
    }

    static let foldedReason = "more than \(Ledger.maxDetails) kinds of failure: further details not kept"
}
