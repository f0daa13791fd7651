// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing

/// What happens to mail under each fault and attack: the data of the table in docs/security.md.
enum FaultTable {
    /// Who is at fault, in the order of the document.
    enum Attacker: String, CaseIterable {
        case path = "Between us and the MX host"
        case names = "Between us and the DNS"
        case policyHost = "The policy host, or who stands before it"
        case domain = "A hostile domain"
        case local = "A local user"
        case ourselves = "Our own faults"
        case `operator` = "What the operator lets through"
        case none = "No fault"
    }

    /// What becomes of a message to a domain whose policy, if it is known, is `enforce`.
    enum Fate: Sendable, Hashable {
        /// The client of the MTA gets 451; nothing is in the queue.
        case heldAtReception
        /// The MTA took it and defers it.
        case heldAtDelivery
        /// By verified TLS to a host that the policy names.
        case delivered
        /// No policy can be had, so that there is none to be held to.
        case noPolicy
        /// In the clear, by this setting of the operator's.
        case setting(String)
        /// Nothing about the mail changes.
        case asEver
        /// There is no such case.
        case none

        /// The cell in the document.
        var text: String {
            switch self {
            case .heldAtReception: "held at reception"
            case .heldAtDelivery: "held at delivery"
            case .delivered: "delivered by TLS"
            case .noPolicy: "delivered, no policy known"
            case .setting(let setting): "delivered: `\(setting)`"
            case .asEver: "judged as ever"
            case .none: "-"
            }
        }
    }

    /// How the MTA is guarded, and what is known when the fault begins.
    enum Column: Int, Sendable, CaseIterable {
        case gateKnown, gateFirst, mapKnown, mapFirst

        var hasMap: Bool { self == .mapKnown || self == .mapFirst }
        var isKnown: Bool { self == .gateKnown || self == .mapKnown }

        var text: String {
            switch self {
            case .gateKnown: "milter, known"
            case .gateFirst: "milter, first mail"
            case .mapKnown: "with map, known"
            case .mapFirst: "with map, first mail"
            }
        }
    }

    /// The fates of a row, one a column.
    struct Fates: Sendable {
        let all: [Fate]

        /// One for each column, in their order.
        init(_ gateKnown: Fate, _ gateFirst: Fate, _ mapKnown: Fate, _ mapFirst: Fate) {
            all = [gateKnown, gateFirst, mapKnown, mapFirst]
        }

        /// Seen to be bad by the probe, whoever asks.
        static let seen = Fates(.heldAtReception, .heldAtReception, .heldAtReception, .heldAtReception)
        /// The policy is had, the hosts cannot be told: the milter alone holds, the map holds at delivery.
        static let untold = Fates(.heldAtReception, .heldAtReception, .heldAtDelivery, .heldAtDelivery)
        /// The host is seen to be bad under a policy that is known, and a policy not known cannot be had.
        static let hidden = Fates(.heldAtReception, .noPolicy, .heldAtReception, .noPolicy)
        /// As good as no fault.
        static let harmless = Fates(.delivered, .delivered, .delivered, .delivered)
        static let asEver = Fates(.asEver, .asEver, .asEver, .asEver)

        subscript(column: Column) -> Fate { all[column.rawValue] }
    }

    /// A fault that the laboratory makes; its name is the argument of the test.
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let attacker: Attacker
        /// The fault in a few words.
        let fault: String
        let fates: Fates
        /// Begins the fault at a site where all was well.
        let strike: @Sendable (FaultSite) throws -> Void
        /// Changes it once the MTA has had its first try at what it took.
        var then: (@Sendable (FaultSite) throws -> Void)?

        var testDescription: String { name }
    }

    /// A fault that other tests make.
    struct Elsewhere: Sendable {
        let attacker: Attacker
        let fault: String
        let fates: Fates
        /// `Suite.function` of each.
        let tests: [String]
    }

    /// The lines of the document, by attacker.
    static func lines(of attacker: Attacker) -> [String] {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        let rows = rows.filter { $0.attacker == attacker }.map { row in
            line([row.fault] + row.fates.all.map(\.text) + ["`\(row.name)`"])
        }
        let others = elsewhere.filter { $0.attacker == attacker }.map { row in
            line([row.fault] + row.fates.all.map(\.text) + [row.tests.map { "`\($0)`" }.joined(separator: ", ")])
        }
        let head = [line(["fault"] + Column.allCases.map(\.text) + ["test"]), "|---|---|---|---|---|---|"]
        return head + rows + others
    }

    /// The whole table as the document has it.
    static var document: String {
        Attacker.allCases.map { attacker in
            "### \(attacker.rawValue)\n\n" + lines(of: attacker).joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
    }
}
