// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit

/// Eight domains, one message each, and what comes of it.
struct Demo {
    private struct Case {
        let domain: String
        let story: String
        let isDelivered: Bool
    }

    private static let cases = [
        Case(domain: "good.lab", story: "keeps its enforce policy", isDelivered: true),
        Case(domain: "nopolicy.lab", story: "has no policy, and no TLS either", isDelivered: true),
        Case(domain: "testing.lab", story: "breaks a policy in testing mode", isDelivered: true),
        Case(
            domain: "dane.seclab", story: "has DANE in a signed zone, and a certificate nobody else trusts",
            isDelivered: true),
        Case(domain: "expired.lab", story: "has an MX host whose certificate expired", isDelivered: false),
        Case(domain: "plain.lab", story: "has an MX host without STARTTLS", isDelivered: false),
        Case(domain: "wrongname.lab", story: "has an MX host with another host's certificate", isDelivered: false),
        Case(domain: "hijacked.lab", story: "has an MX record for a host outside its policy", isDelivered: false),
    ]

    func run() async throws {
        heading("A small Internet on loopback: DNS (signed and unsigned), policy hosts, MX hosts, a CA of its own")
        let network = try makeNetwork()
        let daemon = try DaemonProcess(
            address: "127.10.0.1",
            settings: network.settings
                + "[report]\norganization_name = \"Example Org\"\ncontact_info = \"tlsrpt@mta.lab\"\n")
        try await daemon.start()
        var options = Postfix.Options()
        options.caFile = network.authority.caFile
        options.milters = [daemon.milter]
        let postfix = try Postfix(address: "127.10.0.25", options: options)
        defer {
            postfix.stop()
            daemon.terminate()
            network.stop()
        }
        print("sts-milter listens at \(daemon.milter); Postfix has: smtpd_milters = \(daemon.milter)\n")

        var surprises = 0
        for one in Self.cases {
            let dialogue = try await postfix.send(to: ["user@\(one.domain)"])
            let reply = dialogue.reply(for: "user@\(one.domain)")
            let isAccepted = reply?.isPositive ?? false
            print("\(one.domain) \(one.story)\n    RCPT TO:<user@\(one.domain)>  \(reply?.description ?? "no reply")")
            if isAccepted {
                let line = try await postfix.waitForLog("to=<user@\(one.domain)>", "status=")
                print("    Postfix: \(line.split(separator: ": ", maxSplits: 1).last ?? "")")
            }
            if isAccepted != one.isDelivered { surprises += 1 }
            print("")
        }

        heading("What sts-milter logged")
        print(daemon.log)
        heading("What Postfix logged of the deferred ones")
        for line in postfix.log(containing: "milter-reject") { print(line) }
        heading("sts-milter check expired.lab")
        print(try daemon.command("check", "expired.lab").output)
        heading("sts-milter policy list")
        print(try daemon.command("policy", "list").output)
        try await report(of: daemon)
        guard surprises == 0 else {
            throw LabError("\(surprises) of \(Self.cases.count) domains were not treated as they should be")
        }
        heading("All \(Self.cases.count) domains were treated as they should be")
    }

    /// Serves the network until standard input ends.
    ///
    /// The folder gets `settings.toml` for a daemon, with the files that it names beside it by their names alone:
    /// `ca.pem` and `anchor.key`. At the end it has the TLS reports that good.lab was sent, in `reports`.
    func serveNetwork(describedIn folder: String) async throws {
        let network = try makeNetwork()
        defer { network.stop() }
        let files = [(network.authority.caFile, "ca.pem"), (network.resolver.trustAnchorFile, "anchor.key")]
        var settings = network.settings
        for (path, name) in files {
            try FileManager.default.copyItem(atPath: path, toPath: folder + "/" + name)
            settings = settings.replacing(path, with: name)
        }
        try settings.write(toFile: folder + "/settings.toml", atomically: true, encoding: .utf8)
        while readLine() != nil {}
        try FileManager.default.createDirectory(atPath: folder + "/reports", withIntermediateDirectories: true)
        for (index, request) in network.policies.requests.filter({ $0.path == Self.reportPath }).enumerated() {
            try Data(request.octets).write(to: URL(fileURLWithPath: "\(folder)/reports/\(index).json.gz"))
        }
    }

    /// Where good.lab takes TLS reports, on a host of its own.
    private static let reportPath = "/tlsrpt"
    private static let reportHost = "reports.good.lab"

    private func report(of daemon: DaemonProcess) async throws {
        let day = ISO8601DateFormatter.string(
            from: Date(), timeZone: .gmt, formatOptions: [.withFullDate, .withDashSeparatorInDate])
        let directory = daemon.directory.path + "/reports"
        // What was counted is written every second.
        try await Wait.until("the report of expired.lab", within: .seconds(10)) {
            _ = try daemon.command("report", "build", "--no-lookup", "--plain", "--day", day, "--output", directory)
            return try FileManager.default.contentsOfDirectory(atPath: directory).contains {
                $0.contains("!expired.lab!")
            }
        }
        for file in try FileManager.default.contentsOfDirectory(atPath: directory) where file.contains("!expired.lab!")
        {
            heading("sts-milter report build --day \(day): \(file)")
            print(try String(contentsOfFile: directory + "/" + file, encoding: .utf8))
        }
    }

    private func makeNetwork() throws -> TestNetwork {
        let daneHost = "127.10.3.1"
        var daneCredential: Credential?
        let network = try TestNetwork(prefix: "127.10") { authority in
            let credential = try authority.selfSigned(names: ["mx.dane.seclab"])
            daneCredential = credential
            return SignedZone(
                "seclab",
                records: """
                    dane IN MX 10 mx.dane
                    mx.dane IN A \(daneHost)
                    _25._tcp.mx.dane IN TLSA 3 1 1 \(credential.tlsa311)
                    mta-sts.dane IN A 127.10.0.80
                    _mta-sts.dane IN TXT "v=STSv1; id=1;"
                    """)
        }
        let authority = network.authority
        try network.domain("good.lab")
        network.names.set(Self.reportHost, .a(network.policies.address))
        network.policies.set(path: Self.reportPath, .status(201))
        network.policies.setCredential(Self.reportHost, try authority.issue(names: [Self.reportHost]))
        network.names.set("_smtp._tls.good.lab", .txt("v=TLSRPTv1; rua=https://\(Self.reportHost)\(Self.reportPath)"))
        try network.mailHost("mx.nopolicy.lab", plain: true)
        network.route("nopolicy.lab", to: ["mx.nopolicy.lab"])
        try network.domain(
            "testing.lab", mode: "testing", credential: authority.issue(names: ["mx.testing.lab"], validity: .expired))
        try network.domain("expired.lab", credential: authority.issue(names: ["mx.expired.lab"], validity: .expired))
        try network.domain("plain.lab", plain: true)
        try network.domain("wrongname.lab", credential: authority.issue(names: ["mx.somewhere.lab"]))
        try network.domain("hijacked.lab")
        try network.mailHost("mx.attacker.lab")
        network.route("hijacked.lab", to: ["mx.attacker.lab"])
        try network.mailHost("mx.dane.seclab", at: daneHost, credential: daneCredential)
        try network.publish("dane.seclab", mode: "enforce", mx: ["mx.dane.seclab"])
        return network
    }

    private func heading(_ text: String) { print("\n== \(text)\n") }
}
