// SPDX-License-Identifier: Apache-2.0

/// What there is to say of a report that was read, in sentences that are safe to print.
package struct ReadingNotes: Sendable, Hashable {
    /// What could not be read, or is not shown as it stands in the report.
    package var problems: [String] = []
    /// What is odd, and shown all the same: nothing is lost by it.
    package var remarks: [String] = []

    package init() {}
}

/// What one sender got wrong in members of one name.
enum Oddity: Hashable {
    /// Another kind of value than the schema wants.
    case leftOut
    /// A date that cannot be read.
    case otherEndTaken
    case missingCount
    case missingType
    /// A name that is not the schema's; the right one is given.
    case otherName(String)

    var isLoss: Bool {
        switch self {
        case .leftOut, .otherEndTaken: true
        case .missingCount, .missingType, .otherName: false
        }
    }

    var text: String {
        switch self {
        case .leftOut: "not a text, left out"
        case .otherEndTaken: "not a date and time, taken from the other end of the period"
        case .missingCount: "missing, counted as 0"
        case .missingType: "missing"
        case .otherName(let name): "read as \(name)"
        }
    }
}

/// What is odd in one report, each kind once, with its first place: a report can have as many as it has members.
struct Oddities {
    private struct Kind: Hashable {
        let member: String
        let oddity: Oddity
    }

    private var kinds: [Kind] = []
    private var places: [Kind: (first: String, count: Int)] = [:]

    /// - Parameter place: asked for only where it is the first of its kind.
    mutating func add(_ oddity: Oddity, of member: String, at place: () -> String) {
        let kind = Kind(member: member, oddity: oddity)
        if let known = places[kind] {
            places[kind] = (known.first, known.count + 1)
        } else {
            places[kind] = (place(), 1)
            kinds.append(kind)
        }
    }

    func sentences(areLosses: Bool) -> [String] {
        kinds.filter { $0.oddity.isLoss == areLosses }.map { kind in
            let (first, count) = places[kind] ?? ("", 0)
            return "\(first): \(kind.oddity.text)" + (count > 1 ? " (and \(count - 1) more)" : "")
        }
    }
}
