// SPDX-License-Identifier: Apache-2.0
import LabKit

/// The signed zone of ``DANETable`` and the hosts behind it.
struct DANEWorld: Sendable {
    static let zone = "danelab"
    private static let prefix = "127.22"
    /// Nobody answers there.
    private static let nobody = "\(prefix).255.9"

    private let authority: CertificateAuthority
    /// An authority that nothing but TLSA records vouches for.
    private let anchor: CertificateAuthority
    private let ownKey: Credential

    init(_ authority: CertificateAuthority) throws {
        self.authority = authority
        anchor = try CertificateAuthority(commonName: "private").intermediate()
        ownKey = try authority.selfSigned(names: ["anything.lab"])
    }

    // MARK: Names

    static func domain(_ row: DANETable.Row, hasPolicy: Bool) -> String {
        "\(row.name)\(hasPolicy ? "-p" : "").\(zone)"
    }

    static func hostName(_ row: DANETable.Row, _ index: Int) -> String {
        "mx\(index + 1).\(row.name).\(row.hosts[index].place == .unsigned ? "lab" : zone)"
    }

    private static func address(_ number: Int, _ index: Int) -> String { "\(prefix).\(number + 1).\(index + 1)" }

    /// The zone, given where policies are served.
    func signedZone(policies: String) -> SignedZone {
        var lines = ["nobody IN A \(Self.nobody)"]
        var bogus: [(owner: String, type: String)] = []
        for (number, row) in DANETable.rows.enumerated() {
            lines += ["mta-sts.\(row.name)-p IN A \(policies)", "_mta-sts.\(row.name)-p IN TXT \"v=STSv1; id=1;\""]
            for (index, host) in row.hosts.enumerated() {
                for domain in [row.name, "\(row.name)-p"] {
                    lines.append("\(domain) IN MX \(index + 1)0 \(Self.hostName(row, index)).")
                }
                lines += records(of: host, "mx\(index + 1).\(row.name)", at: Self.address(number, index))
                bogus += host.bogus.map { type in
                    (owner: (type == "TLSA" ? "_25._tcp." : "") + "mx\(index + 1).\(row.name)", type: type)
                }
            }
        }
        return SignedZone(Self.zone, records: lines.joined(separator: "\n"), bogus: bogus)
    }

    private func records(of host: DANETable.Host, _ name: String, at address: String) -> [String] {
        var lines: [String] = []
        switch host.place {
        case .unsigned: return []
        case .aliasOfUnsigned: lines.append("\(name) IN CNAME \(name).plain.lab.")
        case .signed:
            lines.append("\(name) IN A \(address)")
            if host.isIPv6 { lines.append("\(name) IN AAAA ::1") }
            if host.bogus.contains("AAAA") { lines.append("\(name) IN AAAA fd00::1") }
        }
        if host.isTLSALame { lines.append("_tcp.\(name) IN NS nobody") }
        return lines
            + host.tlsa.map { record in
                let data = record.replacing("KEY", with: ownKey.tlsa311).replacing("ANCHOR", with: anchor.tlsa211)
                return "_25._tcp.\(name) IN TLSA \(data)"
            }
    }

    // MARK: Hosts

    /// Puts up the hosts and the policies; by row, its hosts.
    func build(in network: TestNetwork) throws -> [String: [MXServer]] {
        let hosts = DANETable.rows.map { $0.name }
        let policies = try authority.issue(
            names: hosts.map { "mta-sts.\($0)-p.\(Self.zone)" }, commonName: "mta-sts.\(Self.zone)")
        var servers: [String: [MXServer]] = [:]
        for (number, row) in DANETable.rows.enumerated() {
            let names = row.hosts.indices.map { Self.hostName(row, $0) }
            network.policies.set(
                "mta-sts.\(row.name)-p.\(Self.zone)", .policy(mode: "enforce", mx: names), credential: policies)
            for (index, host) in row.hosts.enumerated() {
                let address = Self.address(number, index)
                switch host.place {
                case .signed: break
                case .unsigned: network.names.set(names[index], .a(address))
                case .aliasOfUnsigned: network.names.set("mx\(index + 1).\(row.name).plain.lab", .a(address))
                }
                guard !host.isDown else { continue }
                let server = try MXServer(
                    address: host.isIPv6 ? "::1" : address, hostName: names[index],
                    credential: try credential(host.shown, names[index]))
                servers[row.name, default: []].append(server)
            }
        }
        return servers
    }

    private func credential(_ shown: DANETable.Shown, _ name: String) throws -> Credential? {
        switch shown {
        case .ownKey: ownKey
        case .trusted: try authority.issue(names: [name])
        case .anchored(let names): try anchor.issue(names: names)
        case .anchoredCommonName: try anchor.issue(names: [name], options: [.commonNameOnly])
        case .nothing: nil
        }
    }
}
