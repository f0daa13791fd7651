// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing

/// One run of the whole fault table: two daemons, two real Postfixes, and what came of each message.
///
/// The daemons learn the policies that are to be known while all is well, and are started anew: a policy is kept over a
/// restart, what was seen of hosts is not. Then all faults begin at once.
struct FaultRun: Sendable {
    /// What the probe and the MTA call themselves.
    static let probe = "probe.lab"
    static let mta = "mta.lab"

    /// Messages that are handed over at one time to one MTA: fewer than may wait at the milter.
    private static let sessions = 40
    /// Questions at one time while policies are learned.
    private static let questions = 16

    /// What came of one message.
    struct Outcome: Sendable, CustomStringConvertible {
        let reply: SMTPReply?
        /// The MTA's last word on it, such as `deferred`; nil if it did not take it.
        let status: String?
        let messages: [ReceivedMessage]

        var wasInTheClear: Bool { messages.contains { !$0.overTLS } }

        /// Whether it is what the table says.
        func isFate(_ fate: FaultTable.Fate) -> Bool {
            switch fate {
            case .heldAtReception: reply?.code == 451 && messages.isEmpty
            case .heldAtDelivery: reply?.isPositive == true && status == "deferred" && messages.isEmpty
            case .delivered: !messages.isEmpty && !wasInTheClear
            case .noPolicy, .setting: reply?.isPositive == true && !messages.isEmpty
            case .asEver, .none: false
            }
        }

        var description: String {
            let ways = messages.map { $0.overTLS ? "by TLS" : "in the clear" }
            return "RCPT \(reply.map { "\($0)" } ?? "not asked"), \(status ?? "not taken"), received \(ways)"
        }
    }

    /// By domain.
    let outcomes: [String: Outcome]
    /// What both daemons logged.
    let log: String

    private static let shared = Task { try await run() }

    static func open() async throws -> FaultRun { try await shared.value }

    func outcome(_ row: FaultTable.Row, _ column: FaultTable.Column) throws -> Outcome {
        try #require(outcomes[FaultSite.domain(row, column)])
    }

    private static func run() async throws -> FaultRun {
        let lab = try await Lab.open()
        let view = try NameServer(address: "127.21.0.53", before: lab.network.names)
        let sites = try FaultTable.rows.enumerated().flatMap { number, row in
            let credential = try lab.network.authority.issue(names: FaultSite.names(row), commonName: "\(row.name).lab")
            return try FaultTable.Column.allCases.filter { row.fates[$0] != .none }.map { column in
                try FaultSite(row, number: number, column, credential: credential, network: lab.network, view: view)
            }
        }
        let sides = try await [false, true].asyncMap { hasMap in
            try await Side(hasMap: hasMap, sites: sites.filter { $0.column.hasMap == hasMap }, view: view)
        }
        for side in sides { try await side.learn() }
        for site in sites { try site.row.strike(site) }
        for side in sides { try await side.daemon.start() }
        let outcomes = try await withThrowingTaskGroup(of: [String: Outcome].self) { group in
            for side in sides { group.addTask { try await side.deliver() } }
            return try await group.reduce(into: [:]) { $0.merge($1) { one, _ in one } }
        }
        let log = sides.map(\.daemon.log).joined()
        for side in sides { side.stop() }
        return FaultRun(outcomes: outcomes, log: log)
    }

    /// A daemon with its MTA and the sites whose mail goes there.
    private struct Side {
        let daemon: DaemonProcess
        let postfix: Postfix
        let sites: [FaultSite]

        init(hasMap: Bool, sites: [FaultSite], view: NameServer) async throws {
            let network = try await Lab.open().network
            let number = hasMap ? 62 : 61
            let address = "127.20.9.\(number)"
            let settings = network.settings
                .replacing("\(network.resolver.address)@\(network.resolver.port)", with: "\(view.address)@\(view.port)")
                .replacing("helo_name = \"mta.lab\"", with: "helo_name = \"\(FaultRun.probe)\"")
            daemon = try DaemonProcess(
                address: address,
                settings: "enforcement = \"\(hasMap ? "milter+policy-map" : "milter")\"\n" + settings
                    + "[milter]\nlookup_wait = \"5s\"\n[policy_map]\nsocket = \"inet:8461@\(address)\"\nwait = \"10s\"\n"
            )
            var options = Postfix.Options()
            options.hostName = FaultRun.mta
            options.caFile = network.authority.caFile
            options.milters = ["{ inet:\(address):8890, default_action=tempfail, command_timeout=30s }"]
            options.settings = [
                // A host that is never done is given up within the time of a test.
                "smtp_connect_timeout = 5s", "smtp_helo_timeout = 12s", "smtp_per_request_deadline = yes",
                "smtp_dns_support_level = dnssec", "minimal_backoff_time = 1s", "transport_retry_time = 1s",
            ]
            if hasMap { options.settings.append("smtp_tls_policy_maps = socketmap:inet:\(address):8461:postfix") }
            postfix = try Postfix(address: "127.20.0.\(number)", options: options)
            self.sites = sites
        }

        func stop() {
            daemon.terminate()
            postfix.stop()
        }

        /// Has the daemon learn the policies that are to be known, and ends it.
        func learn() async throws {
            try await daemon.start()
            let question = MapQuestion(address: daemon.address)
            try await sites.filter(\.column.isKnown).forEachAtOnce(questions) { site in
                let answer = try await question.ask(site.domain)
                guard answer.hasPrefix("OK secure match=") else { throw LabError("\(site.domain): \(answer)") }
            }
            guard daemon.terminate() == 0 else { throw LabError("the daemon does not end: \(daemon.log)") }
        }

        /// Hands over a message for each site and waits until the MTA has said of each what became of it.
        func deliver() async throws -> [String: Outcome] {
            let replies = try await sites.forEachAtOnce(sessions) { site in
                try await postfix.send(to: ["u@\(site.domain)"])
            }
            let taken = zip(sites, replies).filter { $1.data?.isPositive == true }.map(\.0)
            try await waitForStatus(of: taken, lines: 1)
            let changing = taken.filter { $0.row.then != nil }
            for site in changing { try site.row.then?(site) }
            if !changing.isEmpty {
                try await Wait.until("a second try of \(changing.map(\.domain))", within: .seconds(30)) {
                    try postfix.flush()
                    let seen = try statuses()
                    return changing.allSatisfy { (seen[$0.domain] ?? []).count > 1 }
                }
            }
            let seen = try statuses()
            let outcomes = zip(sites, replies).map { site, dialogue in
                let outcome = Outcome(
                    reply: dialogue.recipients.first?.reply, status: seen[site.domain]?.last, messages: site.messages)
                return (site.domain, outcome)
            }
            return Dictionary(outcomes) { one, _ in one }
        }

        private func waitForStatus(of taken: [FaultSite], lines: Int) async throws {
            // Those that are missing in the end are seen to have no status, and fail in their own rows.
            try? await Wait.until("a status of each", within: .seconds(60)) {
                let seen = try statuses()
                return taken.allSatisfy { (seen[$0.domain] ?? []).count >= lines }
            }
        }

        /// What the MTA said of each domain's deliveries, oldest first.
        private func statuses() throws -> [String: [String]] {
            var found: [String: [String]] = [:]
            for line in postfix.log.split(separator: "\n") {
                guard let status = line.firstMatch(of: #/to=<u@([^>]*)>.* status=([a-z]+)/#) else { continue }
                found[String(status.1), default: []].append(String(status.2))
            }
            return found
        }
    }
}

extension Array where Element: Sendable {
    /// As `map`, one after the other.
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }

    /// As `map`, so many at a time, in order.
    @discardableResult
    fileprivate func forEachAtOnce<Value: Sendable>(
        _ width: Int, _ body: @escaping @Sendable (Element) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            var values: [Int: Value] = [:]
            for (index, element) in enumerated() {
                if index >= width, let (done, value) = try await group.next() { values[done] = value }
                group.addTask { (index, try await body(element)) }
            }
            for try await (done, value) in group { values[done] = value }
            return indices.compactMap { values[$0] }
        }
    }
}
