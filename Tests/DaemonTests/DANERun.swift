// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit

/// One run of all rows of ``DANETable``: a daemon, and of each Postfix here one that asks its map and one that does DANE
/// by itself.
struct DANERun: Sendable {
    private static let address = "127.20.9.170"
    private static let gate = "127.20.8.170"
    /// Of the daemon that judges DANE without a policy as well.
    private static let strictAddress = "127.20.9.171"
    private static let strictGate = "127.20.8.171"
    /// Mail and questions at one time.
    private static let width = 4

    /// An MTA's word on the delivery.
    struct Fates: Sendable {
        let withMap: String?
        let alone: String?
    }

    /// What was seen of one domain.
    struct Seen: Sendable {
        /// What the map answered.
        var level = ""
        /// What the milter answered to RCPT.
        var reply: SMTPReply?
        /// By Postfix: that of Debian 12, then that of Debian 13 if it is here.
        var fates: [Fates] = []
        var examination: Examination?
        /// The same of a daemon with `dane = "always"`, for domains without a policy.
        var strictReply: SMTPReply?
        var strictExamination: Examination?
    }

    /// What `check --json` says, as far as it matters here.
    struct Examination: Sendable, Decodable {
        struct Problem: Sendable, Decodable { let type: String }
        struct Host: Sendable, Decodable {
            let status: String
            let authentication: String?
            let problems: [Problem]

            /// What the table says of a host: who vouches for it, or what is wrong.
            var word: String { authentication ?? problems.first?.type ?? status }
        }
        let domain: String
        let verdict: String
        let hosts: [Host]
    }

    /// By domain.
    let seen: [String: Seen]
    /// By row, what its hosts received in the clear.
    let clear: [String: Int]
    let log: String

    private static let shared = Task { try await run() }

    static func open() async throws -> DANERun { try await shared.value }

    private static func run() async throws -> DANERun {
        let lab = try await Lab.open()
        let servers = try lab.dane.build(in: lab.network)
        let daemon = try DaemonProcess(
            address: address,
            settings: "enforcement = \"milter+policy-map\"\n" + lab.network.settings
                + "[milter]\nlookup_wait = \"9s\"\n[policy_map]\nsocket = \"inet:8461@\(address)\"\nwait = \"20s\"\n")
        let strict = try DaemonProcess(
            address: strictAddress,
            settings: "dane = \"always\"\n" + lab.network.settings + "[milter]\nlookup_wait = \"9s\"\n")
        try await daemon.start()
        try await strict.start()
        let open = DANETable.rows.map { DANEWorld.domain($0, hasPolicy: false) }
        let domains = DANETable.rows.flatMap { row in [false, true].map { DANEWorld.domain(row, hasPolicy: $0) } }
        async let levels = each(domains) { try await MapQuestion(address: address).ask($0) }
        async let examinations = examine(domains, daemon)
        let postfixes = try (Postfix.hasDebian13 ? [false, true] : [false]).flatMap { isDebian13 in
            try [true, false].map { hasMap in
                try Postfix(
                    address: "127.20.0.\(170 + (isDebian13 ? 2 : 0) + (hasMap ? 0 : 1))",
                    options: options(lab, hasMap: hasMap, isDebian13: isDebian13))
            }
        }
        async let replies = each(domains) { try await reply(to: $0, by: gate) }
        async let strictReplies = each(open) { try await reply(to: $0, by: strictGate) }
        async let strictExaminations = examine(open, strict)
        async let fates = fates(of: domains, by: postfixes)
        let all = try await (levels, replies, fates, examinations)
        let ofStrict = try await (strictReplies, strictExaminations)
        var seen: [String: Seen] = [:]
        for domain in domains {
            seen[domain] = Seen(
                level: all.0[domain] ?? "", reply: all.1[domain],
                fates: stride(from: 0, to: postfixes.count, by: 2).map { number in
                    Fates(withMap: all.2[number][domain], alone: all.2[number + 1][domain])
                },
                examination: all.3[domain], strictReply: ofStrict.0[domain], strictExamination: ofStrict.1[domain])
        }
        let clear = servers.mapValues { $0.flatMap(\.messages).count { !$0.overTLS } }
        let log = daemon.log + strict.log + postfixes.map(\.log).joined()
        for postfix in postfixes { postfix.stop() }
        daemon.terminate()
        strict.terminate()
        for server in servers.values.joined() { server.stop() }
        return DANERun(seen: seen, clear: clear, log: log)
    }

    private static func options(_ lab: Lab, hasMap: Bool, isDebian13: Bool) -> Postfix.Options {
        var options = Postfix.Options()
        if isDebian13 { options.root = Postfix.debian13 }
        options.caFile = lab.network.authority.caFile
        options.settings = [
            "smtp_dns_support_level = dnssec",
            hasMap
                ? "smtp_tls_policy_maps = socketmap:inet:\(address):8461:postfix\(isDebian13 ? "-tlsrpt" : "")"
                : "smtp_tls_security_level = dane",
        ]
        if hasMap, !isDebian13 {
            options.services = [(gate, address), (strictGate, strictAddress)].map { gate, milter in
                "\(gate):25 inet n - n - - smtpd -o smtpd_milters=inet:\(milter):8890"
            }
        }
        return options
    }

    /// What a milter says of a recipient.
    private static func reply(to domain: String, by gate: String) async throws -> SMTPReply {
        let client = try await SMTPClient.session(address: gate)
        _ = try await client.command("MAIL FROM:<sender@client.lab>")
        let reply = try await client.command("RCPT TO:<u@\(domain)>")
        await client.quit()
        return reply
    }

    /// The word of each of these MTAs, which work at the same time.
    private static func fates(of domains: [String], by postfixes: [Postfix]) async throws -> [[String: String]] {
        try await withThrowingTaskGroup(of: (Int, [String: String]).self) { group in
            for (number, postfix) in postfixes.enumerated() {
                group.addTask { (number, try await fates(of: domains, by: postfix)) }
            }
            return try await group.reduce(into: postfixes.map { _ in [:] }) { $0[$1.0] = $1.1 }
        }
    }

    /// Hands over a message for each domain and waits for the MTA's first word on it.
    private static func fates(of domains: [String], by postfix: Postfix) async throws -> [String: String] {
        _ = try await each(domains) { try await postfix.send(to: ["u@\($0)"]) }
        var found: [String: String] = [:]
        try await Wait.until("a status of each message", within: .seconds(100)) {
            for line in postfix.log.split(separator: "\n") {
                guard let status = line.firstMatch(of: #/to=<u@([^>]*)>.* status=([a-z]+)/#) else { continue }
                found[String(status.1)] = found[String(status.1)] ?? String(status.2)
            }
            return found.count == domains.count
        }
        return found
    }

    /// What `check` says, a few processes with a share of the domains each.
    private static func examine(_ domains: [String], _ daemon: DaemonProcess) async throws -> [String: Examination] {
        let program = try DaemonProcess.program()
        let shares = (0..<width).map { share in domains.indices.filter { $0 % width == share }.map { domains[$0] } }
        return try await withThrowingTaskGroup(of: [Examination].self) { group in
            for share in shares {
                group.addTask {
                    let result = try await withCheckedThrowingContinuation { continuation in
                        Thread.detachNewThread {
                            continuation.resume(
                                with: Result {
                                    try Command.run(
                                        [program, "check", "--json", "--config", daemon.configuration] + share,
                                        timeout: .seconds(120))
                                })
                        }
                    }
                    return try JSONDecoder().decode([Examination].self, from: Data(result.output.utf8))
                }
            }
            return try await group.reduce(into: [:]) { found, share in
                for examination in share { found[examination.domain] = examination }
            }
        }
    }

    private static func each<Value: Sendable>(
        _ domains: [String], _ body: @escaping @Sendable (String) async throws -> Value
    ) async throws -> [String: Value] {
        try await withThrowingTaskGroup(of: (String, Value).self) { group in
            var found: [String: Value] = [:]
            for (index, domain) in domains.enumerated() {
                if index >= width, let (done, value) = try await group.next() { found[done] = value }
                group.addTask { (domain, try await body(domain)) }
            }
            for try await (done, value) in group { found[done] = value }
            return found
        }
    }
}
