// SPDX-License-Identifier: Apache-2.0

/// A server as Postfix names it in a line, `HOST[ADDRESS]`.
///
/// Postfix writes a host without MX records as the recipient's domain was typed, and elsewhere as the DNS has it: names
/// are compared in the form of a `DomainName`.
struct PostfixPeer: Sendable, Hashable, Codable {
    /// As it is compared.
    let host: String
    let address: String

    private enum CodingKeys: String, CodingKey {
        case host = "h"
        case address = "a"
    }

    /// A server that no line says.
    init() {
        host = ""
        address = ""
    }

    /// A host that is not dialled.
    init(host: SyslogOctets) {
        self.host = host.hostName
        address = ""
    }

    /// - Parameter octets: as ``SyslogOctets/takePeer()`` gives them.
    init(_ octets: SyslogOctets) {
        let bracket = octets.index(of: UInt8(ascii: "[")) ?? octets.count
        host = octets.prefix(bracket).hostName
        address = octets.dropFirst(bracket + 1).dropLast(1).text
    }

    static func == (octets: SyslogOctets, peer: PostfixPeer) -> Bool {
        peer.isWritten(octets) || (!isPlain(octets) && PostfixPeer(octets) == peer)
    }

    private func isWritten(_ octets: SyslogOctets) -> Bool {
        let length = host.utf8.count
        return octets.count == length + address.utf8.count + 2 && octets.prefix(length) == host
            && octets.dropFirst(length + 1).dropLast(1) == address
    }

    /// Whether the octets cannot mean a peer that is written in another way: most cannot, and the answer is cheap.
    private static func isPlain(_ octets: SyslogOctets) -> Bool {
        octets.index(of: ".[") == nil && octets.allSatisfy { $0 < 0x80 && !(0x41...0x5A).contains($0) }
    }
}
