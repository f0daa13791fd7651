// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

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
    /// What the words in TLSA data stand for.
    private let certificates: [(word: String, file: String)]
    private let stranger: CertificateAuthority
    private let directory: TemporaryDirectory

    init(_ authority: CertificateAuthority) throws {
        self.authority = authority
        let root = try CertificateAuthority(commonName: "private")
        anchor = try root.intermediate()
        ownKey = try authority.selfSigned(names: ["anything.lab"])
        stranger = try CertificateAuthority(commonName: "stranger")
        directory = try TemporaryDirectory("sts-lab-dane")
        certificates = [
            ("KEY", ownKey.certificateFile), ("ANCHOR", anchor.certificateFile), ("ROOT", root.caFile),
            ("STRANGER", stranger.caFile),
        ]
    }

    // MARK: Names

    static func domain(_ row: DANETable.Row, hasPolicy: Bool) -> String {
        "\(row.name)\(hasPolicy ? "-p" : "").\(zone)"
    }

    static func hostName(_ row: DANETable.Row, _ index: Int) -> String {
        "mx\(index + 1).\(row.name).\(row.hosts[index].place.isNameUnsigned ? "lab" : zone)"
    }

    private static func address(_ number: Int, _ index: Int) -> String { "\(prefix).\(number + 1).\(index + 1)" }

    /// The zone, given where policies are served.
    /// - Parameter unsigned: the name server of unsigned zones.
    func signedZone(policies: String, unsigned: String) throws -> SignedZone {
        var lines = ["nobody IN A \(Self.nobody)", "elsewhere IN A \(unsigned)"]
        var bogus: [(owner: String, type: String)] = []
        for (number, row) in DANETable.rows.enumerated() {
            lines += ["mta-sts.\(row.name)-p IN A \(policies)", "_mta-sts.\(row.name)-p IN TXT \"v=STSv1; id=1;\""]
            for (index, host) in row.hosts.enumerated() {
                for domain in [row.name, "\(row.name)-p"] {
                    lines.append("\(domain) IN MX \(index + 1)0 \(Self.hostName(row, index)).")
                }
                lines += try records(of: host, "mx\(index + 1).\(row.name)", at: Self.address(number, index))
                bogus += host.bogus.map { type in
                    (owner: (type == "TLSA" ? "_25._tcp." : "") + "mx\(index + 1).\(row.name)", type: type)
                }
            }
        }
        return SignedZone(Self.zone, records: lines.joined(separator: "\n"), bogus: bogus)
    }

    private func records(of host: DANETable.Host, _ name: String, at address: String) throws -> [String] {
        var lines: [String] = []
        let target = "target.\(name)"
        switch host.place {
        case .unsigned, .missing, .missingUnsigned: return []
        case .aliasOfUnsigned: lines.append("\(name) IN CNAME \(name).plain.lab.")
        case .alias: lines += ["\(name) IN CNAME \(target)", "\(target) IN A \(address)"]
        case .unsignedAlias: lines.append("\(target) IN A \(address)")
        case .signed:
            lines.append("\(name) IN A \(address)")
            if host.isIPv6 { lines.append("\(name) IN AAAA ::1") }
            if host.bogus.contains("AAAA") { lines.append("\(name) IN AAAA fd00::1") }
        }
        if host.isTLSALame { lines.append("_tcp.\(name) IN NS nobody") }
        if host.isTLSAUnsigned { lines.append("_tcp.\(name) IN NS elsewhere") }
        if host.place == .alias || host.place == .unsignedAlias {
            lines += try host.targetTLSA.map { "_25._tcp.\(target) IN TLSA \(try filled($0))" }
        }
        guard !host.isTLSAUnsigned, !host.place.isNameUnsigned else { return lines }
        return try lines + host.tlsa.map { "_25._tcp.\(name) IN TLSA \(try filled($0))" }
    }

    /// The record with data in place of words.
    private func filled(_ record: String) throws -> String {
        let fields = record.split(separator: " ").map(String.init)
        guard fields.count == 4 else { return record }
        var data = fields[3]
        for (word, file) in certificates where data.contains(word) {
            data = data.replacing(word, with: try TLSAData(file).hex(selector: fields[1], matching: fields[2]))
        }
        return "\(fields[0]) \(fields[1]) \(fields[2]) \(data)"
    }

    /// The records that unsigned zones have of a host.
    private func setUnsigned(
        _ host: DANETable.Host, _ row: DANETable.Row, _ index: Int, at address: String, in names: NameServer
    ) throws {
        let (name, signed) = (Self.hostName(row, index), "mx\(index + 1).\(row.name)")
        switch host.place {
        case .signed, .alias, .missing, .missingUnsigned: break
        case .unsigned: names.set(name, .a(address))
        case .unsignedAlias: names.set(name, .cname("target.\(signed).\(Self.zone)"))
        case .aliasOfUnsigned:
            names.set("\(signed).plain.lab", .a(address))
            names.set("_25._tcp.\(signed).plain.lab", try host.targetTLSA.map(record))
        }
        if host.isTLSAUnsigned { names.set("_25._tcp.\(name)", try host.tlsa.map(record)) }
    }

    private func record(_ text: String) throws -> DNSRecord {
        let fields = try filled(text).split(separator: " ").map(String.init)
        let numbers = fields.prefix(3).map { UInt8($0) ?? 0 }
        return .tlsa(numbers[0], numbers[1], numbers[2], fields[3])
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
                try setUnsigned(host, row, index, at: address, in: network.names)
                guard !host.isDown, host.place != .missing, host.place != .missingUnsigned else { continue }
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
        case .expiredOwnKey: try authority.issue(names: ["other.lab"], validity: .expired)
        case .chained(let chain): try credential(chain, name)
        case .nothing: nil
        }
    }

    private func credential(_ chain: DANETable.Chain, _ name: String) throws -> Credential {
        let names = [name]
        switch chain {
        case .deep: return try anchor.intermediate().issue(names: names)
        case .unordered:
            return try rearranged(anchor.intermediate().issue(names: names), name) { [$0[0], $0[2], $0[1]] }
        case .withStranger:
            let more = try pieces(of: stranger.caFile)
            return try rearranged(anchor.issue(names: names), name) { $0 + more }
        case .expiredLeaf: return try anchor.issue(names: names, validity: .expired)
        case .clientLeaf: return try anchor.issue(names: names, options: [.clientAuthenticationOnly])
        case .expiredAuthority: return try anchor.intermediate(validity: .expired).issue(names: names)
        case .noAuthority: return try anchor.intermediate(constraints: "critical,CA:false").issue(names: names)
        case .tooLong:
            // One that bears its issuer's name would not count.
            let upper = try anchor.intermediate(commonName: "upper", constraints: "critical,CA:true,pathlen:0")
            return try upper.intermediate(commonName: "lower").issue(names: names)
        }
    }

    /// The same with its certificates in another order.
    private func rearranged(
        _ credential: Credential, _ name: String, _ order: ([String]) -> [String]
    ) throws -> Credential {
        let text = order(try pieces(of: credential.certificateFile)).joined()
        return credential.sending(certificates: try directory.write("\(name).pem", text))
    }

    private func pieces(of file: String) throws -> [String] {
        let mark = "-----BEGIN CERTIFICATE-----"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        return text.components(separatedBy: mark).dropFirst().map { mark + $0 }
    }
}
