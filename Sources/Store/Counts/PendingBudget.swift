// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What several ``PendingCounts`` hold together, so that they are bounded as one. Any thread may ask.
package final class PendingBudget: Sendable {
    private let tallies = Atomic(0)
    private let octets = Atomic(0)
    private let details = Atomic(0)

    init() {}

    /// Takes room for one more tally; false if there is none.
    func takeTally(_ needed: Int) -> Bool {
        let held = (
            tallies: tallies.add(1, ordering: .relaxed).newValue,
            octets: octets.add(needed, ordering: .relaxed).newValue
        )
        if held.tallies <= PendingCounts.maxTallies, held.octets <= PendingCounts.maxTallyOctets { return true }
        giveBack(tallies: 1, octets: needed, details: 0)
        return false
    }

    var tallyCount: Int { tallies.load(ordering: .relaxed) }

    var hasDetail: Bool { details.load(ordering: .relaxed) < PendingCounts.maxDetails }

    func takeDetail() { details.add(1, ordering: .relaxed) }

    func giveBack(tallies: Int, octets: Int, details: Int) {
        self.tallies.subtract(tallies, ordering: .relaxed)
        self.octets.subtract(octets, ordering: .relaxed)
        self.details.subtract(details, ordering: .relaxed)
    }
}
