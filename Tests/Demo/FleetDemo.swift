// SPDX-License-Identifier: Apache-2.0
import Foundation
import Gzip
import LabKit

/// Three machines, each a Postfix with its sts-milter, a PostgreSQL between them, and one report.
struct FleetDemo {
    private static let machines = 3
    private static let messages = 2
    private static let reportHost = "reports.good.lab"
    private static let reportPath = "/tlsrpt"

    /// A Postfix with its daemon.
    private struct Machine {
        let name: String
        let postfix: Postfix
        let daemon: DaemonProcess
    }

    func run() async throws {
        heading("A small Internet on loopback, and a PostgreSQL for the fleet")
        let network = try makeNetwork()
        let postgres = try PostgresServer(address: "127.10.0.100")
        let connection = try postgres.settingsConnection()
        let machines = try (1...Self.machines).map { try machine($0, network, connection) }
        defer {
            for machine in machines {
                machine.postfix.stop()
                machine.daemon.terminate()
            }
            network.stop()
            postgres.stop()
        }
        try show(machines[0], "fleet", "migrate")
        for machine in machines { try await machine.daemon.start() }

        heading("Mail through all three: good.lab keeps its enforce policy, expired.lab does not")
        for machine in machines {
            for number in 1...Self.messages {
                _ = try await machine.postfix.send(to: ["user\(number)@good.lab"])
                let line = try await machine.postfix.waitForLog("to=<user\(number)@good.lab>", "status=sent")
                print("\(machine.name): \(line.split(separator: ": ", maxSplits: 1).last ?? "")")
            }
            let dialogue = try await machine.postfix.send(to: ["user@expired.lab"])
            print("\(machine.name): \(dialogue.reply(for: "user@expired.lab")?.description ?? "no reply")")
        }

        heading("The machines stop: what they counted is in the database")
        for machine in machines {
            try await Wait.until("\(machine.name) has read its log", within: .seconds(20)) {
                try machine.daemon.command("status").output.contains("\(Self.messages) sessions")
            }
            machine.daemon.terminate()
        }
        try show(machines[0], "fleet", "status")

        heading("The day is over (its number is moved back in the database), and the machines start again")
        for table in ["batch", "day"] { _ = try postgres.query("UPDATE sts.\(table) SET day = day - 1") }
        for machine in machines { try await machine.daemon.start() }
        try await Wait.until("the report", within: .seconds(120)) {
            network.policies.requests.contains { $0.path == Self.reportPath }
        }
        // If another machine made one as well, it would come in these seconds.
        try await Task.sleep(for: .seconds(5))
        try show(machines[0], "fleet", "status")
        let reports = network.policies.requests.filter { $0.path == Self.reportPath }
        heading("What good.lab got: reports: \(reports.count)")
        for request in reports { print(String(decoding: try unzipped(request.octets), as: UTF8.self)) }
        let sessions = try reports.map {
            try JSONDecoder().decode(Sum.self, from: Data(try unzipped($0.octets))).sessions
        }
        guard sessions == [Self.machines * Self.messages] else {
            throw LabError("not one report of \(Self.machines * Self.messages) sessions: \(sessions)")
        }
        heading("One report of \(Self.machines) machines")
    }

    private func machine(_ number: Int, _ network: TestNetwork, _ connection: String) throws -> Machine {
        let name = "mx\(number).fleet.lab"
        var options = Postfix.Options()
        options.hostName = name
        options.caFile = network.authority.caFile
        options.milters = ["inet:127.10.0.\(number):8890"]
        options.settings = ["smtp_tls_loglevel = 1"]
        let postfix = try Postfix(address: "127.10.0.\(24 + number)", options: options)
        let daemon = try DaemonProcess(
            address: "127.10.0.\(number)",
            settings: network.settings.replacing("helo_name = \"mta.lab\"", with: "helo_name = \"\(name)\"") + """
                [intake]
                postfix_log = "\(postfix.logFile)"
                [report]
                organization_name = "Example Org"
                contact_info = "tlsrpt@fleet.lab"
                spread = "0s"
                [fleet]
                postgres = "\(connection)"

                """)
        return Machine(name: name, postfix: postfix, daemon: daemon)
    }

    private func makeNetwork() throws -> TestNetwork {
        let network = try TestNetwork(prefix: "127.10")
        let authority = network.authority
        try network.domain("good.lab")
        network.names.set(Self.reportHost, .a(network.policies.address))
        network.policies.set(path: Self.reportPath, .status(201))
        network.policies.setCredential(Self.reportHost, try authority.issue(names: [Self.reportHost]))
        network.names.set("_smtp._tls.good.lab", .txt("v=TLSRPTv1; rua=https://\(Self.reportHost)\(Self.reportPath)"))
        try network.domain("expired.lab", credential: authority.issue(names: ["mx.expired.lab"], validity: .expired))
        return network
    }

    private func show(_ machine: Machine, _ arguments: String...) throws {
        let result =
            arguments.count == 2
            ? try machine.daemon.command(arguments[0], arguments[1]) : try machine.daemon.command(arguments[0])
        print("\(machine.name)$ sts-milter \(arguments.joined(separator: " "))\n\(result.output)\(result.errors)")
    }

    private func unzipped(_ octets: [UInt8]) throws -> [UInt8] { try decompress(octets, limitBytes: 1 << 20) }

    private func heading(_ text: String) { print("\n== \(text)\n") }
}

/// What is asked of a report: its sessions.
private struct Sum: Decodable {
    struct Result: Decodable {
        struct Summary: Decodable {
            let successes, failures: Int
            private enum CodingKeys: String, CodingKey {
                case successes = "total-successful-session-count"
                case failures = "total-failure-session-count"
            }
        }
        let summary: Summary
    }
    let policies: [Result]

    var sessions: Int { policies.reduce(0) { $0 + $1.summary.successes + $1.summary.failures } }
}
