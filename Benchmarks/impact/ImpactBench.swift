// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Foundation
import LabKit
import TestKit

/// A made Internet, a log of deliveries into it, and what `impact` says of them.
struct ImpactBench {
    /// What a domain is, by its number.
    private enum Kind: CaseIterable {
        case conforming, violating, testing, unpoliced

        init(_ number: Int) {
            self =
                switch number % 20 {
                case 0: .violating
                case 1...3: .conforming
                case 4, 5: .testing
                default: .unpoliced
                }
        }
    }

    /// Domains that share a mail host.
    private static let domainsOfOneHost = 10
    /// As many certificates as domains would take minutes to make.
    private static let namesOfOneCertificate = 100
    /// Of ten lines of a mail log, two tell of a session.
    private static let linesOfOneDelivery = 10
    /// What the command may take.
    private static let target = Duration.seconds(120)

    let lines: Int
    let domains: Int

    private func name(_ number: Int) -> String { "customer\(number).lab" }
    private func host(_ number: Int) -> String {
        "mx.\(Kind(number) == .violating ? "plain" : "good")\(number / 20 / Self.domainsOfOneHost).lab"
    }

    func run() throws {
        let network = try TestNetwork(prefix: "127.25")
        try build(network)
        let files = try TemporaryDirectory("sts-impact-bench")
        let log = files.path + "/mail.log"
        let deliveries = try write(log)
        let daemon = try DaemonProcess(address: "127.25.9.1", settings: network.settings)
        let start = ContinuousClock.now
        let result = try daemon.command("impact", "--json", "--mail-log", log, timeout: .seconds(600))
        let time = ContinuousClock.now - start
        let found = try JSONDecoder().decode(Said.self, from: Data(result.output.utf8))
        let held = Dictionary(grouping: found.domains, by: \.outcome).mapValues(\.count)
        let violating = (0..<domains).filter { Kind($0) == .violating }.count
        print(
            "\(lines) lines, \(deliveries) deliveries to \(domains) domains: \(time.formatted(.units(fractionalPart: .show(length: 1)))), "
                + held.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
        guard result.status == 1, found.deliveries == deliveries, held["held"] == violating, held["unclear"] == nil
        else {
            throw Failure("wrong: exit \(result.status), \(found.deliveries) deliveries, \(held) \(result.errors)")
        }
        guard time < Self.target else { throw Failure("took longer than \(Self.target)") }
    }

    private struct Said: Decodable {
        struct Domain: Decodable { let outcome: String }
        let deliveries: Int
        let domains: [Domain]
    }

    private func build(_ network: TestNetwork) throws {
        var hosts: Set<String> = []
        for start in stride(from: 0, to: domains, by: Self.namesOfOneCertificate) {
            let numbers = start..<min(start + Self.namesOfOneCertificate, domains)
            let credential = try network.authority.issue(names: numbers.map { "mta-sts.\(name($0))" })
            for number in numbers {
                let (name, host, kind) = (name(number), host(number), Kind(number))
                if hosts.insert(host).inserted { try network.mailHost(host, plain: kind == .violating) }
                network.route(name, to: [host])
                guard kind != .unpoliced else { continue }
                network.announce(name, id: "1")
                network.names.set("mta-sts.\(name)", .a(network.policies.address))
                network.policies.set(
                    "mta-sts.\(name)", .policy(mode: kind == .testing ? "testing" : "enforce", mx: [host]),
                    credential: credential)
            }
        }
    }

    /// - Returns: how many deliveries are in the log.
    private func write(_ path: String) throws -> Int {
        FileManager.default.createFile(atPath: path, contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        defer { try? file.close() }
        let deliveries = lines / Self.linesOfOneDelivery
        let stamp = Date.now.formatted(.iso8601)
        var text = Data()
        for number in 0..<deliveries {
            text.append(contentsOf: self.text(number, stamp).utf8)
            guard text.count > 4 << 20 || number == deliveries - 1 else { continue }
            try file.write(contentsOf: text)
            text = Data()
        }
        return deliveries
    }

    private func text(_ number: Int, _ stamp: String) -> String {
        let id = "A\(String(number, radix: 16, uppercase: true))"
        let domain = number % domains
        let peer = "\(host(domain))[198.51.100.\(number % 250)]:25"
        let client = "mail\(number % 700).example.com[203.0.113.\(number % 250)]"
        let lines = [
            "postfix/smtpd[\(10_000 + number % 30)]: connect from \(client)",
            "postfix/smtpd[\(10_000 + number % 30)]: Anonymous TLS connection established from \(client): TLSv1.3 with "
                + "cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits)",
            "postfix/smtpd[\(10_000 + number % 30)]: \(id): client=\(client), sasl_method=PLAIN, sasl_username=u\(number)",
            "postfix/cleanup[15537]: \(id): message-id=<20261123204320.\(id)@mail\(number % 700).example.com>",
            "postfix/qmgr[1463]: \(id): from=<sender\(number)@example.com>, size=\(2870 + number % 9000), nrcpt=1 (queue active)",
            "postfix/smtp[\(20_000 + number % 40)]: Untrusted TLS connection established to \(peer): TLSv1.3 with cipher "
                + "TLS_AES_256_GCM_SHA384 (256/256 bits)",
            "postfix/smtp[\(20_000 + number % 40)]: \(id): to=<user\(number % 77)@\(name(domain))>, relay=\(peer), "
                + "delay=0.35, delays=0.01/0.03/0.21/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4XyZ\(number))",
            "postfix/qmgr[1463]: \(id): removed",
            "postfix/smtpd[\(10_000 + number % 30)]: disconnect from \(client) ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1",
            "dovecot: imap-login: Login: user=<u\(number % 90)>, method=PLAIN, rip=203.0.113.\(number % 250), TLS",
        ]
        return lines.map { "\(stamp) mta \($0)\n" }.joined()
    }
}
