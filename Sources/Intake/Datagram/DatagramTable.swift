// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// Payloads as they came in, counted: the same one again takes no more room, and is read once.
package struct DatagramTable: Sendable {
    /// A payload, quick to compare.
    package struct Payload: Sendable, Hashable {
        package let octets: [UInt8]
        /// Made once: as the table grows, each entry is put in its place again.
        private let digest: Int

        package init(_ octets: some Collection<UInt8>) {
            self.octets = Array(octets)
            digest = self.octets.withUnsafeBytes { Int(truncatingIfNeeded: KeyedHash.hash($0)) }
        }

        package static func == (left: Self, right: Self) -> Bool {
            guard left.digest == right.digest, left.octets.count == right.octets.count else { return false }
            return memcmp(left.octets, right.octets, left.octets.count) == 0
        }

        package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
    }

    /// What came in on one day.
    package struct Day: Sendable {
        package let day: UTCDay
        package fileprivate(set) var payloads: [Payload: Int]
    }

    /// Octets held, with what each entry takes beside them: some 100,000 different datagrams.
    static let maxOctets = 64 << 20
    /// What an entry takes beside its octets.
    private static let entryOctets = 96

    package private(set) var days: [Day] = []
    private(set) var octets = 0

    package init() {}

    /// Adds a payload that came in on `day`.
    /// - Returns: false if there is no room for it.
    mutating func add(_ payload: Payload, on day: UTCDay) -> Bool {
        let place = indexOf(day)
        if let known = days[place].payloads.index(forKey: payload) {
            days[place].payloads.values[known] += 1
            return true
        }
        let size = payload.octets.count + Self.entryOctets
        guard octets + size <= Self.maxOctets else { return false }
        octets += size
        days[place].payloads[payload] = 1
        return true
    }

    /// Days come in their order, save for a clock that is set back.
    private mutating func indexOf(_ day: UTCDay) -> Int {
        if let index = days.lastIndex(where: { $0.day == day }) { return index }
        days.append(Day(day: day, payloads: [:]))
        return days.count - 1
    }
}
