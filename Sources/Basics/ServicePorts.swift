// SPDX-License-Identifier: Apache-2.0

/// The TCP ports that names of services stand for, as an MTA reads the port of a next hop.
package struct ServicePorts: Sendable, Hashable {
    /// Names that Postfix knows whatever the system's table says: its `known_tcp_ports`.
    private static let ofPostfix: [String: UInt16] = [
        "lmtp": 24, "smtp": 25, "smtps": 465, "submission": 587, "submissions": 465,
    ]
    /// Names and aliases taken from a table; Debian's has 450.
    private static let maxNames = 20_000

    private var ports = ofPostfix

    /// The names that need no table.
    package init() {}

    /// Those and the names of a table in the form of services(5): `smtp 25/tcp mail # comment`. Lines of another form
    /// are passed over; of two lines with one name the first counts.
    package init(table text: String) {
        for line in text.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            guard ports.count < Self.maxNames else { return }
            let words = line.prefix { $0 != UInt8(ascii: "#") }.split {
                $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t")
            }
            guard words.count > 1 else { continue }
            let place = words[1].split(separator: UInt8(ascii: "/"), maxSplits: 1)
            guard place.count == 2, place[1].elementsEqual("tcp".utf8), let port = Self.number(Substring(place[0]))
            else {
                continue
            }
            for name in [words[0]] + words[2...] {
                let name = String(decoding: name, as: UTF8.self)
                ports[name] = ports[name] ?? port
            }
        }
    }

    /// The port that a word stands for, a number or a name; nil for what is neither. Names count in lower case too, as
    /// people write them: an MTA that does not know such a name cannot deliver at all.
    package func port(of word: Substring) -> UInt16? {
        if word.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return Self.number(word) }
        return ports[String(word)] ?? ports[word.lowercased()]
    }

    private static func number(_ word: Substring) -> UInt16? {
        guard let first = word.utf8.first, (0x30...0x39).contains(first), let port = UInt16(word), port > 0 else {
            return nil
        }
        return port
    }
}
