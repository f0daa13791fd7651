// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Glibc
import Metrics

/// The answers of the current second, octet for octet, by the octets of the question: what is asked again is answered
/// by copying. Each event loop has its own, so that no loop waits for another.
///
/// They stand as long as the resolver's memory of its answers does: `AnswerPeriod`. A question whose place another has
/// taken, or that finds no room, is answered as if it had not been asked.
final class WarmAnswers {
    /// Questions that can be held at one time; a power of two.
    private static let placeCount = 4096
    /// Octets held of questions and answers.
    static let maxOctets = 1 << 20
    /// Octets of the longest answer that is held: a few long ones must not leave no room.
    static let maxAnswerOctets = 4096

    private struct Place {
        /// Of the settings under which the answer was written.
        var settings = -1
        var start = 0
        var questionOctets = 0
        var answerOctets = 0
        /// Where the answer is counted.
        var counter = 0
    }

    /// By ``AnswerKind``; the event loop alone adds to it.
    let counts = CounterArray()
    private var period: AnswerPeriod?
    private var places: ContiguousArray<Place> = []
    /// Questions, each with its answer behind it.
    private var octets: ContiguousArray<UInt8> = []

    /// Forgets what was kept in another period.
    func begin(_ new: AnswerPeriod?) {
        guard new != period else { return }
        period = new
        guard !octets.isEmpty else { return }
        octets.removeAll(keepingCapacity: true)
        places = []
    }

    /// Hands the answer to `body` and counts it, if it is held.
    func answer(
        to question: UnsafeRawBufferPointer, under settings: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) -> Bool {
        guard !places.isEmpty else { return false }
        let place = places[Self.number(of: question)]
        guard place.settings == settings, place.questionOctets == question.count else { return false }
        return octets.withUnsafeBytes { held in
            let answer = place.start + place.questionOctets
            guard let known = held.baseAddress, let asked = question.baseAddress,
                memcmp(known + place.start, asked, question.count) == 0
            else { return false }
            counts.addAlone(at: place.counter)
            body(UnsafeRawBufferPointer(rebasing: held[answer..<(answer + place.answerOctets)]))
            return true
        }
    }

    /// Keeps an answer that was asked for in the period that has begun.
    /// - Parameter counter: where the answer is counted when it is given again.
    func keep(
        _ answer: UnsafeRawBufferPointer, to question: UnsafeRawBufferPointer, under settings: Int, counter: Int = 0
    ) {
        guard period != nil, answer.count <= Self.maxAnswerOctets,
            octets.count + question.count + answer.count <= Self.maxOctets
        else { return }
        if places.isEmpty { places = ContiguousArray(repeating: Place(), count: Self.placeCount) }
        places[Self.number(of: question)] = Place(
            settings: settings, start: octets.count, questionOctets: question.count, answerOctets: answer.count,
            counter: counter)
        octets.append(contentsOf: question)
        octets.append(contentsOf: answer)
    }

    private static func number(of question: UnsafeRawBufferPointer) -> Int {
        var hash = FNV1a()
        for octet in question { hash.add(octet) }
        return Int(truncatingIfNeeded: hash.value ^ (hash.value >> 32)) & (placeCount - 1)
    }
}

extension MapAnswer {
    /// Whether the same is answered again for as long as an ``AnswerPeriod`` lasts.
    var standsForPeriod: Bool {
        switch self {
        case .temporary, .bogus: false
        case .notFound, .dane, .daneWherePresent, .enforce, .testing, .failed: true
        }
    }
}
