// SPDX-License-Identifier: Apache-2.0

/// Gives out a number of places by shares, pure: what to do, without doing it. ``FairSemaphore`` does it.
///
/// A request counts for several shares, such as the owner of the name and the block of the address. Shares have their
/// turn one after the other; what one may hold is ``SharedPlaces``'s rule. Places may be reserved for requests that must
/// not wait behind the others. When too many wait, the newest of whoever has the most waiting gives way.
package struct FairQueue<Key: Hashable & Sendable>: Sendable {
    /// Names a request; its owner gives each another.
    package typealias Ticket = UInt64

    package enum Answer: Sendable, Equatable {
        case starts
        /// Waits; the other ticket, if there is one, no longer does and never starts.
        case waits(dropping: Ticket?)
        case refused
    }

    private struct Holder {
        let keys: [Key]
        let isReserved: Bool
    }

    private let places: Int
    private var common: WaitingLane<Key>
    private var reserved: WaitingLane<Key>
    private var holders: [Ticket: Holder] = [:]

    /// - Parameters:
    ///   - places: one at least.
    ///   - reservedPlaces: of them, those that common requests never get; reserved ones get any.
    ///   - maxWaiting: of each kind.
    package init(places: Int, reservedPlaces: Int = 0, maxWaiting: Int) {
        self.places = max(1, places)
        let kept = min(max(0, reservedPlaces), self.places - 1)
        common = WaitingLane(places: self.places - kept, maxWaiting: maxWaiting)
        reserved = WaitingLane(places: kept, maxWaiting: maxWaiting)
    }

    package var taken: Int { common.held.taken + reserved.held.taken }
    package var waiting: Int { common.waiting + reserved.waiting }

    private var isFreeForCommon: Bool { common.held.taken + max(reserved.held.taken, reserved.places) < places }
    private var isFreeForReserved: Bool { taken < places }

    /// - Parameter keys: at least one, each once.
    package mutating func ask(_ ticket: Ticket, _ keys: [Key], isReserved: Bool = false) -> Answer {
        // A place that is free is one for which nobody waits who may have it.
        if isReserved {
            guard isFreeForReserved, reserved.mayStart(keys) else { return reserved.wait(ticket, keys) }
            reserved.start(keys)
        } else {
            guard isFreeForCommon, common.mayStart(keys) else { return common.wait(ticket, keys) }
            common.start(keys)
        }
        holders[ticket] = Holder(keys: keys, isReserved: isReserved)
        return .starts
    }

    /// Takes back a request that waits; false if it does not, because it has started or was never there.
    package mutating func withdraw(_ ticket: Ticket) -> Bool {
        common.withdraw(ticket) || reserved.withdraw(ticket)
    }

    /// Gives back a place.
    /// - Returns: the requests that start now.
    package mutating func end(_ ticket: Ticket) -> [Ticket] {
        guard let holder = holders.removeValue(forKey: ticket) else { return [] }
        if holder.isReserved { reserved.end(holder.keys) } else { common.end(holder.keys) }
        var started: [Ticket] = []
        while let next = startNext() { started.append(next) }
        return started
    }

    private mutating func startNext() -> Ticket? {
        if reserved.held.taken < reserved.places, let ticket = startReserved() { return ticket }
        if isFreeForCommon, let next = common.startNext() {
            holders[next.ticket] = Holder(keys: next.keys, isReserved: false)
            return next.ticket
        }
        // Common places too, as long as nobody else wants them.
        return isFreeForReserved ? startReserved() : nil
    }

    private mutating func startReserved() -> Ticket? {
        guard let next = reserved.startNext() else { return nil }
        holders[next.ticket] = Holder(keys: next.keys, isReserved: true)
        return next.ticket
    }
}
