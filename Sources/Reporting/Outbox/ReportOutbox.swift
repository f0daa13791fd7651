// SPDX-License-Identifier: Apache-2.0
import Basics

/// The deliveries, kept across restarts. Several processes may work on them at once: each row has one owner at a time.
package protocol ReportOutbox: Sendable {
    /// Takes deliveries that are due, so that nobody else does until the lease ends: in the order of their turns, and in
    /// each the longest due first. - ``DeliveryShares``
    ///
    /// A delivery that was under way when its owner's lease ended becomes uncertain first.
    func claim(_ order: DeliveryOrder, for owner: DeliveryOwner, at time: UTCTime) async throws -> Claim
    /// The frozen report; nil when it is gone.
    func report(of delivery: Delivery) async throws -> CompressedReport?
    /// Notes, before the last octet is sent, that the destination may have the report from now on.
    /// - Returns: false if the delivery is no longer the owner's, and must not be sent.
    func markSending(_ delivery: Delivery, by owner: DeliveryOwner, at time: UTCTime) async throws -> Bool
    /// Writes what came of an attempt and gives the delivery back; nil for no attempt.
    func conclude(
        _ delivery: Delivery, as conclusion: DeliveryConclusion?, by owner: DeliveryOwner, at time: UTCTime
    ) async throws
}

/// Which deliveries to take.
package struct DeliveryOrder: Sendable, Hashable {
    /// Only reports of this day.
    package var day: UTCDay?
    /// Only reports for this domain.
    package var domain: DomainName?
    /// Whether what was never tried is due although its time has not come.
    package var ignoresSpread: Bool
    /// Most deliveries to take.
    package var limit = 1
    /// Most deliveries to one host at a time, whoever makes them.
    package var limitPerHost = 1
    /// The same for all hosts below one registrable domain.
    package var limitPerSite = Int.max
    /// The same for the policy domains below one registrable domain.
    package var limitPerSource = Int.max

    package init(day: UTCDay? = nil, domain: DomainName? = nil, ignoresSpread: Bool = false) {
        self.day = day
        self.domain = domain
        self.ignoresSpread = ignoresSpread
    }
}

/// A process that works on deliveries.
package struct DeliveryOwner: Sendable, Hashable {
    /// Unlike that of any other process, also of those before a restart.
    package let name: String
    /// How long a claim lasts without a word from its owner.
    package let lease: Duration

    package init(name: String, lease: Duration) {
        self.name = name
        self.lease = lease
    }
}

/// Deliveries that were taken.
package struct Claim: Sendable, Hashable {
    package let deliveries: [Delivery]
    /// Those whose owner vanished while they were under way: they are uncertain now.
    package let lost: [Delivery]

    package init(deliveries: [Delivery], lost: [Delivery]) {
        self.deliveries = deliveries
        self.lost = lost
    }
}
