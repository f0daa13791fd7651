// SPDX-License-Identifier: Apache-2.0
import Metrics

/// What a policy map answered since the start, for metrics.
package struct MapCounts: Sendable {
    package let answers: [(form: String, answer: String, count: Int)]
    /// Why answers were "try again later".
    package let temporary: [(reason: String, count: Int)]
    /// How long lookups took that an answer waited for.
    package let lookups: Histogram.Counts
}

/// What an answer comes to, by its first words.
enum AnswerKind: Int, Sendable, CaseIterable {
    case secure, daneOnly, dane, may, notFound, temporary

    var word: String {
        switch self {
        case .secure: "secure"
        case .daneOnly: "dane-only"
        case .dane: "dane"
        case .may: "may"
        case .notFound: "notfound"
        case .temporary: "temp"
        }
    }

    /// All words are ours.
    init(_ answer: [UInt8]) {
        switch answer.first {
        case UInt8(ascii: "N"): self = .notFound
        case UInt8(ascii: "T"): self = .temporary
        default:
            if answer.starts(with: "OK secure".utf8) {
                self = .secure
            } else if answer.starts(with: "OK may".utf8) {
                self = .may
            } else {
                self = answer.starts(with: "OK dane-only".utf8) ? .daneOnly : .dane
            }
        }
    }

    /// The place of an answer in a `CounterArray`.
    /// - Parameter form: nil for a map name that nobody configured.
    func place(in form: MapForm?) -> Int { Self.row(of: form) * Self.allCases.count + rawValue }

    private static func row(of form: MapForm?) -> Int {
        switch form {
        case .postfix: 0
        case .postfixTLSRPT: 1
        case .sendmail: 2
        case nil: 3
        }
    }
}

/// Counts what a policy map answers. Each event loop has an array of its own for what it answers.
final class MapCounters: Sendable {
    private static let otherReason = "lookup"

    private let temporary = CounterArray()
    let lookups = Histogram()

    func noteTemporary(_ answer: [UInt8]) {
        let text = String(decoding: answer, as: UTF8.self)
        let place = TemporaryReason.allCases.firstIndex { text.contains($0.rawValue) }
        temporary.add(at: place ?? TemporaryReason.allCases.count)
    }

    func counts(of loops: [CounterArray]) -> MapCounts {
        let forms: [MapForm?] = MapForm.allCases + [nil]
        let reasons = TemporaryReason.allCases.map(\.word) + [Self.otherReason]
        return MapCounts(
            answers: forms.flatMap { form in
                AnswerKind.allCases.map { (form?.rawValue ?? "unknown", $0.word, loops.sum(at: $0.place(in: form))) }
            }, temporary: reasons.enumerated().map { ($1, temporary.count(at: $0)) }, lookups: lookups.current)
    }
}

extension TemporaryReason {
    /// In metrics.
    fileprivate var word: String {
        switch self {
        case .undecided: "undecided"
        case .hostsUnknown: "hosts-unknown"
        case .depthOnly: "depth-only"
        case .tooLong: "too-long"
        case .unknownMap: "unknown-map"
        case .busy: "busy"
        case .unreadableKey: "unreadable-key"
        }
    }
}
