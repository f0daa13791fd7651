// SPDX-License-Identifier: Apache-2.0

/// Who holds how many of a number of places.
///
/// Any share may take any place while less than half of them are taken, so that an idle program serves whoever comes.
/// Of the other half a share gets an eighth at most, so that it takes several strangers to fill it.
package struct SharedPlaces<Key: Hashable & Sendable>: Sendable {
    /// One place of so many is what a share may hold once half are taken.
    private static var crowdedPart: Int { 8 }

    package private(set) var taken = 0
    private var held: [Key: Int] = [:]

    package init() {}

    /// What a share may hold of `places` while half of them are taken: one at least.
    static func limit(of places: Int) -> Int { max(1, places / crowdedPart) }

    /// Whether any share may take any place.
    func isRoomy(of places: Int) -> Bool { taken < (places + 1) / 2 }

    /// Whether a share holds all that it may while half of the places are taken.
    func isFull(_ key: Key, of places: Int) -> Bool { held[key, default: 0] >= Self.limit(of: places) }

    func held(_ key: Key) -> Int { held[key, default: 0] }

    /// The first share that must not take one more place now.
    func blocking(_ keys: [Key], of places: Int) -> Key? {
        isRoomy(of: places) ? nil : keys.first { isFull($0, of: places) }
    }

    /// Takes one place for all shares given, each of them once; false if there is none for them.
    package mutating func take(_ keys: [Key], of places: Int) -> Bool {
        guard taken < places, blocking(keys, of: places) == nil else { return false }
        add(keys)
        return true
    }

    /// Takes a place that the caller knows to be there.
    mutating func add(_ keys: [Key]) {
        taken += 1
        for key in keys { held[key, default: 0] += 1 }
    }

    /// Gives back what was taken with the same shares.
    package mutating func give(_ keys: [Key]) {
        taken -= 1
        for key in keys {
            let left = held[key, default: 1] - 1
            held[key] = left > 0 ? left : nil
        }
    }
}
