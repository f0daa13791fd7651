// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestKit

/// A zone that the laboratory signs with a key of its own, ECDSA P-256.
package struct SignedZone: Sendable {
    /// The apex, such as `seclab`.
    package var name: String
    /// Records in zone file form, names relative to the apex unless they end with a dot; without SOA and apex NS.
    package var records: String
    /// Record sets whose signature is spoilt: owner (relative to the apex, `@` for it) and type, such as
    /// `("bogus", "MX")`. A validating resolver answers SERVFAIL for them.
    package var bogus: [(owner: String, type: String)] = []
    /// Whether every signature has run out.
    package var expired = false

    package init(_ name: String, records: String, bogus: [(owner: String, type: String)] = [], expired: Bool = false) {
        self.name = name
        self.records = records
        self.bogus = bogus
        self.expired = expired
    }

    /// The key's file name without suffix; made on the first call.
    func makeKey(in directory: String) throws -> String {
        let stem = try Command.check(
            ["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "-r", "/dev/urandom", name], directory: directory)
        return directory + "/" + stem.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Writes and signs the zone file for a name server at `address`; gives the path of the signed file.
    func sign(in directory: String, key: String, address: String, serial: Int) throws -> String {
        let file = directory + "/\(name).zone"
        let head = """
            $ORIGIN \(name).
            $TTL 60
            @ IN SOA ns hostmaster \(serial) 3600 600 86400 0
            @ IN NS ns
            ns IN A \(address)

            """
        try writeFile(file, head + records + "\n")
        let now = Int(Date().timeIntervalSince1970)
        let (from, to) = expired ? (now - 40 * 86_400, now - 10 * 86_400) : (now - 86_400, now + 30 * 86_400)
        try Command.check(
            ["ldns-signzone", "-i", "\(from)", "-e", "\(to)", "-f", file + ".signed", file, key], directory: directory)
        try writeFile(file + ".signed", spoil(readFile(file + ".signed")))
        return file + ".signed"
    }

    private func spoil(_ text: String) throws -> String {
        var lines = text.components(separatedBy: "\n")
        for (owner, type) in bogus {
            let full = (owner == "@" ? name : "\(owner).\(name)") + "."
            let index = lines.firstIndex { line in
                let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
                return fields.count > 5 && fields[0] == full && fields[3] == "RRSIG" && fields[4] == type
            }
            guard let index, let cut = lines[index].lastIndex(of: " ") else {
                throw LabError("no RRSIG \(full) \(type)")
            }
            let signature = lines[index][lines[index].index(after: cut)...]
            // The first octets only: nsd refuses a zone whose base64 has other than zero bits in its padding.
            lines[index] = lines[index][...cut] + (signature.first == "A" ? "B" : "A") + signature.dropFirst()
        }
        return lines.joined(separator: "\n")
    }
}
