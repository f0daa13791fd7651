// SPDX-License-Identifier: Apache-2.0

/// Lets each kind of event pass once in a while, and counts those that it holds back.
package struct RateLimit<Kind: Hashable & Sendable>: Sendable {
    private struct Passed: Sendable {
        let at: ContinuousClock.Instant
        var heldBack = 0
    }

    private let pause: Duration
    private var kinds: [Kind: Passed] = [:]

    /// - Parameter pause: between two events of one kind that pass.
    package init(pause: Duration) { self.pause = pause }

    /// - Parameter times: how often the event was, where it stands for several.
    /// - Returns: how many more there were of the kind since the last one that passed; nil if this one is held back.
    package mutating func pass(_ kind: Kind, times: Int = 1, at now: ContinuousClock.Instant = .now) -> Int? {
        if let last = kinds[kind], now < last.at + pause {
            kinds[kind]?.heldBack += times
            return nil
        }
        return (kinds.updateValue(Passed(at: now), forKey: kind)?.heldBack ?? 0) + times - 1
    }

    /// Lets the next event of the kind pass at once: what was wrong is over.
    /// - Returns: whether one has passed since the last reset.
    package mutating func reset(_ kind: Kind) -> Bool { kinds.removeValue(forKey: kind) != nil }
}
