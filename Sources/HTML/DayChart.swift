// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// The sessions of each day, what failed on top.
package struct DayChart {
    /// Days that are drawn: a quarter of a year.
    private static let maxDays: Int64 = 92
    /// Labels below the bars have room for one of so many days.
    private static let maxLabels: Int64 = 8
    private static let width = 720
    private static let height = 200
    private static let left = 70
    private static let bottom = 28
    private static let top = 12

    private let days: [UTCDay: Tally]
    private let first: UTCDay
    private let last: UTCDay
    private let isCut: Bool
    private let largest: Int

    /// What its parts are told from those of other charts on the page by.
    private let name: String

    /// - Parameter name: of letters, digits, dots and hyphens; another one for each chart of a page.
    /// - Returns: nil if there is no second day to compare with.
    package init?(_ days: [UTCDay: Tally], name: String) {
        guard let earliest = days.keys.min(), let last = days.keys.max() else { return nil }
        let bound = last.advanced(by: 1 - Self.maxDays)
        guard let first = days.keys.filter({ $0 >= bound }).min(), first < last else { return nil }
        self.days = days
        self.name = name
        self.first = first
        self.last = last
        isCut = first != earliest
        largest = max(1, days.filter { $0.key >= first }.map(\.value.sessions).max() ?? 1)
    }

    package var markup: Markup {
        let axis = Self.height - Self.bottom
        let count = last.daysSinceEpoch - first.daysSinceEpoch + 1
        let slot = Double(Self.width - Self.left) / Double(count)
        let step = (count + Self.maxLabels - 1) / Self.maxLabels
        var bars: Markup = ""
        for index in 0..<count {
            let day = first.advanced(by: index)
            let x = Double(Self.left) + Double(index) * slot
            if let tally = days[day] { bars += bar(day, tally, x: x, width: slot, axis: axis) }
            guard index.isMultiple(of: step) else { continue }
            let label = String(day.description.suffix(5))
            bars += #"<text x="\#(Int(x + slot / 2))" y="\#(axis + 18)" text-anchor="middle">\#(label)</text>"#
        }
        return """
            <figure><figcaption>Sessions a day (UTC)\(isCut ? ", the last \(Self.maxDays) days" : "")</figcaption>
            <svg class="chart" viewBox="0 0 \(Self.width) \(Self.height)" role="img" \
            aria-labelledby="title-\(name) desc-\(name)">
            <title id="title-\(name)">Sessions a day</title>
            <desc id="desc-\(name)">A bar for each day from \(first.description) to \(last.description): sessions that \
            succeeded, and on top those that failed. At most \(grouped(largest)) a day.</desc>
            <line x1="\(Self.left)" y1="\(Self.top)" x2="\(Self.width)" y2="\(Self.top)"/>\
            <line x1="\(Self.left)" y1="\(axis)" x2="\(Self.width)" y2="\(axis)"/>
            <text x="\(Self.left - 6)" y="\(Self.top + 4)" text-anchor="end">\(grouped(largest))</text>\
            <text x="\(Self.left - 6)" y="\(axis + 4)" text-anchor="end">0</text>
            \(bars)
            </svg></figure>
            """
    }

    private func bar(_ day: UTCDay, _ tally: Tally, x: Double, width: Double, axis: Int) -> Markup {
        let room = Double(axis - Self.top)
        let total = Double(tally.sessions) / Double(largest) * room
        // A single failure among millions is still to be seen.
        let failed = tally.failures == 0 ? 0 : max(2, Double(tally.failures) / Double(largest) * room)
        let good = max(0, total - failed)
        let (left, width) = (decimal(x + width * 0.1), decimal(width * 0.8))
        return """
            <g><title>\(day.description): \(outcome(successes: tally.successes, failures: tally.failures))</title>\
            <rect class="good" x="\(left)" width="\(width)" y="\(decimal(Double(axis) - good))" \
            height="\(decimal(good))"/>\
            <rect class="bad" x="\(left)" width="\(width)" y="\(decimal(Double(axis) - good - failed))" \
            height="\(decimal(failed))"/></g>
            """
    }

    private func decimal(_ number: Double) -> String { "\((number * 10).rounded() / 10)" }
}
