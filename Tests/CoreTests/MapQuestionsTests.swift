// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing

@testable import Core

@Suite("Whether the MTA asks the policy map for the mail that it takes")
struct MapQuestionsTests {
    /// What happens, each at a second, with a limit of 600 s.
    enum Event: Sendable {
        /// Mail to a domain goes in.
        case mail(String)
        /// The map is asked for a domain.
        case asked(String)
        /// Time is looked at.
        case look
    }

    /// Who guards a domain in the end.
    enum Guardian: Sendable { case milter, map }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let events: [(second: Int64, event: Event)]
        let guardians: [String: Guardian]
        /// Changes of the kind of state, in order.
        let changes: [String]

        init(
            _ rule: String, _ events: [(Int64, Event)], _ guardians: [String: Guardian], _ changes: [String] = []
        ) {
            testDescription = rule
            self.events = events.map { (second: $0.0, event: $0.1) }
            self.guardians = guardians
            self.changes = changes
        }
    }

    static let rows: [Row] = [
        Row("until the MTA has asked the milter guards alone", [], ["a": .milter]),
        Row("a question alone may be anybody's", [(0, .asked("a")), (5, .look)], ["a": .milter]),
        Row("so may one before the mail", [(0, .asked("a")), (1, .mail("a")), (300, .look)], ["a": .milter]),
        Row("or one for something else", [(0, .mail("a")), (1, .asked("b"))], ["a": .milter, "b": .milter]),
        Row(
            "mail that went in and is asked for: the map guards all", [(0, .mail("a")), (1, .asked("a"))],
            ["a": .map, "b": .map], ["asks a"]),
        Row(
            "however late within the time", [(0, .mail("a")), (599, .look), (599, .asked("a"))], ["a": .map],
            ["asks a"]),
        Row(
            "an answer stands for its second, and questions in it may not be heard",
            [(0, .asked("a")), (0, .mail("a"))], ["a": .map], ["asks a"]),
        Row(
            "a question while older mail waits may be a person's",
            [(0, .mail("a")), (2, .mail("b")), (3, .asked("b"))], ["a": .milter, "b": .milter]),
        Row(
            "the MTA's come for that as well",
            [(0, .mail("a")), (2, .mail("b")), (3, .asked("b")), (4, .asked("a"))], ["a": .map, "b": .map],
            ["asks a"]),
        Row(
            "no question within the time is said once", [(0, .mail("a")), (599, .look), (600, .look), (603, .look)],
            ["a": .milter, "b": .milter], ["failed a"]),
        Row(
            "whatever else goes in unasked", [(0, .mail("a")), (10, .mail("b")), (600, .look), (610, .look)],
            ["a": .milter], ["failed a"]),
        Row(
            "of several the first is named", [(10, .mail("b")), (0, .mail("a")), (700, .look)], ["a": .milter],
            ["failed a"]),
        Row(
            "further mail does not put it off", [(0, .mail("a")), (500, .mail("a")), (600, .look)], ["a": .milter],
            ["failed a"]),
        Row(
            "the map is taken out of the MTA: the milter guards alone again",
            [(0, .mail("a")), (1, .asked("a")), (1000, .mail("b")), (1600, .look)], ["a": .milter, "b": .milter],
            ["asks a", "failed b"]),
        Row(
            "a question long after is not one in time",
            [(0, .mail("a")), (600, .look), (900, .asked("a"))], ["a": .milter], ["failed a"]),
        Row(
            "and put back: mail that is asked for from then on",
            [(0, .mail("a")), (600, .look), (900, .mail("b")), (901, .asked("b"))], ["a": .milter, "b": .map],
            ["failed a", "asks b"]),
        Row(
            "a domain that was not asked for stays the milter's, and is said once",
            [
                (0, .mail("own")), (600, .look), (900, .mail("b")), (901, .asked("b")), (902, .mail("own")),
                (1600, .look),
            ], ["own": .milter, "b": .map], ["failed own", "asks b"]),
        Row(
            "it keeps nobody else from being heard",
            [
                (0, .mail("own")), (600, .look), (900, .mail("own")), (910, .mail("b")), (911, .asked("b")),
            ], ["own": .milter, "b": .map], ["failed own", "asks b"]),
        Row(
            "until it is asked for",
            [
                (0, .mail("own")), (600, .look), (900, .mail("b")), (901, .asked("b")), (902, .mail("own")),
                (903, .asked("own")),
            ], ["own": .map, "b": .map], ["failed own", "asks b"]),
        Row(
            "mail that is asked for at once is never late",
            [(0, .mail("a")), (0, .asked("a")), (5000, .look), (5000, .mail("a")), (5001, .asked("a")), (9000, .look)],
            ["a": .map], ["asks a"]),
        Row(
            "a clock that goes back makes nobody wait longer than the time",
            [(100_000, .mail("a")), (0, .look), (600, .look)], ["a": .milter], ["failed a"]),
    ]

    @Test("what went in and what was asked", arguments: rows)
    func rules(_ row: Row) throws {
        var questions = MapQuestions()
        var changes: [String] = []
        for (second, event) in row.events {
            let now = UTCTime(secondsSinceEpoch: 1_000_000 + second)
            let isChanged =
                switch event {
                case .mail(let name): questions.noteAccepted(try domain(name), at: now)
                case .asked(let name): questions.noteAsked(try domain(name), at: now)
                case .look: questions.look(at: now, within: .seconds(600))
                }
            guard isChanged else { continue }
            switch questions.state {
            case .unheard: changes.append("unheard")
            case .asks(let domain, _): changes.append("asks \(domain.ascii.dropLast(4))")
            case .failed(let domain, _): changes.append("failed \(domain.ascii.dropLast(4))")
            }
        }
        #expect(changes == row.changes)
        for (name, guardian) in row.guardians {
            #expect(questions.guards(try domain(name)) == (guardian == .map), "\(name)")
        }
    }

    @Test("what is remembered is bounded, and a crowd that is not asked for is noticed all the same")
    func bounds() throws {
        var questions = MapQuestions()
        let start = UTCTime(secondsSinceEpoch: 1_000_000)
        for number in 0..<5000 { _ = questions.noteAccepted(try domain("d\(number)"), at: start) }
        let isNoticed = questions.look(at: start + .seconds(600), within: .seconds(600))
        #expect(isNoticed)
        #expect(questions.unasked.count == 256)
        for number in 0..<10_000 { _ = questions.noteAsked(try domain("d\(number)"), at: start + .seconds(601)) }
        #expect(!questions.guards(try domain("d1")))
    }

    private func domain(_ name: String) throws -> DomainName { try DomainName(name + ".lab") }
}
