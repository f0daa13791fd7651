// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// Longest that can be written: a hundred years.
    private static let limitSeconds: Int64 = 100 * 366 * 86_400
    private static let units: [(letter: Character, seconds: Int64)] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]

    /// Reads `5s`, `10m`, `12h`, `7d`; nil for anything else, and for more than a hundred years.
    package init?(written text: String) {
        guard let unit = Self.units.first(where: { $0.letter == text.last }) else { return nil }
        let digits = text.dropLast()
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int64(digits) else {
            return nil
        }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit.seconds)
        guard !overflow, seconds <= Self.limitSeconds else { return nil }
        self = .seconds(seconds)
    }

    /// Whole seconds in the largest unit that fits; a single day is written `24h`.
    package var written: String {
        let seconds = components.seconds
        let unit = Self.units.last {
            seconds != 0 && seconds % $0.seconds == 0 && ($0.letter != "d" || seconds > $0.seconds)
        }
        guard let unit else { return "\(seconds)s" }
        return "\(seconds / unit.seconds)\(unit.letter)"
    }
}
