// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// One line of what became of the reports: a delivery, or a domain that gets no report.
package struct ReportLine: Sendable, Hashable {
    package let day: UTCDay
    package let domain: String
    /// A ``Delivery/State`` or a ``NoReport``, as text.
    package let state: String
    /// Nil where there is no report.
    package let destination: String?
    package let attempts: Int
    /// Nil where nothing more happens by itself.
    package let nextTry: UTCTime?
    /// Why, or what the destination said last; safe to print.
    package let text: String

    package init(
        day: UTCDay, domain: String, state: String, destination: String?, attempts: Int, nextTry: UTCTime?, text: String
    ) {
        self.day = day
        self.domain = domain
        self.state = state
        self.destination = destination
        self.attempts = attempts
        self.nextTry = nextTry
        self.text = text
    }

    /// An attempt that has just come to its end.
    package init(_ delivery: Delivery, _ conclusion: DeliveryConclusion) {
        self.init(
            day: delivery.day, domain: delivery.domain.ascii, state: conclusion.state.rawValue,
            destination: delivery.destination.description, attempts: delivery.attempts + 1,
            nextTry: conclusion.state.isFinal ? nil : conclusion.nextTry, text: conclusion.text)
    }

    /// What a report that is not written yet would become.
    package static func lines(_ report: ReportDecision) -> [ReportLine] {
        func line(_ state: String, to destination: ReportDestination?, at time: UTCTime?, _ text: String) -> ReportLine
        {
            ReportLine(
                day: report.day, domain: report.domain.ascii, state: state, destination: destination?.description,
                attempts: 0, nextTry: time, text: text)
        }
        switch report.outcome {
        case .planned(let packed, let deliveries):
            return deliveries.map {
                line(
                    Delivery.State.waiting.rawValue, to: $0.destination, at: $0.notBefore,
                    "\(packed.body.count) octets")
            }
        case .absent: return []
        case .none(let cause, let text): return [line(cause.rawValue, to: nil, at: nil, text)]
        }
    }
}

extension ReportLine: CustomStringConvertible {
    /// For a person, safe to print.
    package var description: String {
        var words = ["\(day)", domain, state]
        if let destination { words.append(printable(destination, limit: 300)) }
        if attempts > 0 { words.append("attempt \(attempts)") }
        if let nextTry { words.append("next \(nextTry)") }
        if !text.isEmpty { words.append("(\(text))") }
        return words.joined(separator: " ")
    }
}

/// A destination that is left alone for a time, since it refused too often.
package struct Suppression: Sendable, Hashable {
    package let destination: String
    package let until: UTCTime
    /// What it said last, safe to print.
    package let text: String

    package init(destination: String, until: UTCTime, text: String) {
        self.destination = destination
        self.until = until
        self.text = text
    }
}
