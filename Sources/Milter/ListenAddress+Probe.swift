// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Sockets

extension ListenAddress {
    /// Longest wait for a milter's answer to the offer of options, in seconds.
    private static let answerSeconds = 3
    /// The offer that Postfix makes: version 6, all actions, all steps.
    private static let offer: [UInt32] = [6, 0x1FF, 0x1F_FFFF]

    /// Whether a milter serves there: connects, offers options as an MTA does, and waits for the answer.
    var negotiates: Bool {
        guard case .connected(let descriptor) = connect() else { return false }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: Self.answerSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let payload = [UInt8(ascii: "O")] + Self.offer.flatMap(Self.octets)
        let packet = Self.octets(UInt32(payload.count)) + payload
        guard send(descriptor, packet, packet.count, Int32(MSG_NOSIGNAL)) == packet.count else { return false }
        // The length and the command of the answer.
        var head = [UInt8](repeating: 0, count: 5)
        guard recv(descriptor, &head, head.count, Int32(MSG_WAITALL)) == head.count else { return false }
        let quit = Self.octets(1) + [UInt8(ascii: "Q")]
        _ = send(descriptor, quit, quit.count, Int32(MSG_NOSIGNAL))
        return head[4] == UInt8(ascii: "O")
    }

    private static func octets(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}
