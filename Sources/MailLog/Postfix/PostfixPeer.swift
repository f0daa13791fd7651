// SPDX-License-Identifier: Apache-2.0

/// A server as Postfix names it in a line, `HOST[ADDRESS]`.
struct PostfixPeer: Sendable, Hashable, Codable {
    let host: String
    let address: String

    private enum CodingKeys: String, CodingKey {
        case host = "h"
        case address = "a"
    }

    /// A host that is not dialled; without a name, a server that no line says.
    init(host: String = "") {
        self.host = host
        address = ""
    }

    /// - Parameter octets: as ``SyslogOctets/takePeer()`` gives them.
    init(_ octets: SyslogOctets) {
        let bracket = octets.index(of: UInt8(ascii: "[")) ?? octets.count
        host = octets.prefix(bracket).text
        address = octets.dropFirst(bracket + 1).dropLast(1).text
    }

    static func == (octets: SyslogOctets, peer: PostfixPeer) -> Bool {
        let length = peer.host.utf8.count
        return octets.count == length + peer.address.utf8.count + 2 && octets.prefix(length) == peer.host
            && octets.dropFirst(length + 1).dropLast(1) == peer.address
    }
}
