// SPDX-License-Identifier: Apache-2.0

/// Reads `5s`, `10m`, `12h`, `7d`; nil for anything else, and for more than a hundred years.
package func duration(_ text: String) -> Duration? {
    let factors: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    let limit: Int64 = 100 * 366 * 86_400
    guard let unit = text.last, let factor = factors[unit] else { return nil }
    let digits = text.dropLast()
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int64(digits) else {
        return nil
    }
    let (seconds, overflow) = count.multipliedReportingOverflow(by: factor)
    return overflow || seconds > limit ? nil : .seconds(seconds)
}
