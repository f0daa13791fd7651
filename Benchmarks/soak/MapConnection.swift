// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import LabKit

/// A connection to the policy map that blocks its thread.
final class MapConnection {
    /// Longer than `policy_map.wait`.
    private static let waitSeconds = 40

    private let descriptor: Int32
    private var input: [UInt8] = []
    private var at = 0

    init(address: String, port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = in_port_t(port).bigEndian
        inet_pton(AF_INET, address, &place.sin_addr)
        var limit = timeval(tv_sec: Self.waitSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Self.error("connect") }
    }

    deinit { close(descriptor) }

    /// Sends requests as netstrings.
    func send(_ requests: [String]) throws {
        let octets = Array(requests.map { "\($0.utf8.count):\($0)," }.joined().utf8)
        guard Glibc.send(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL)) == octets.count else {
            throw Self.error("send")
        }
    }

    /// Sends as long as there is room; answers are left unread.
    func sendUntilFull(_ request: String, atMost octets: Int) throws {
        let text = Array("\(request.utf8.count):\(request),".utf8)
        let chunk = Array(repeatElement(text, count: 100).joined())
        for _ in 0..<(octets / chunk.count) {
            let sent = Glibc.send(descriptor, chunk, chunk.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            if sent < 0, errno != EAGAIN { throw Self.error("send") }
            // A part of a chunk may end in the midst of a request.
            if sent < chunk.count { return }
        }
    }

    /// The next answer.
    func receive() throws -> String {
        while true {
            if let colon = input[at...].firstIndex(of: UInt8(ascii: ":")) {
                guard let length = Int(String(decoding: input[at..<colon], as: UTF8.self)) else {
                    throw LabError("no netstring: \(String(decoding: input[at...], as: UTF8.self))")
                }
                if input.count > colon + 1 + length {
                    defer { at = colon + length + 2 }
                    return String(decoding: input[(colon + 1)..<(colon + 1 + length)], as: UTF8.self)
                }
            }
            var buffer = [UInt8](repeating: 0, count: 16_384)
            let got = recv(descriptor, &buffer, buffer.count, 0)
            guard got > 0 else { throw got == 0 ? LabError("the map hung up") : Self.error("receive") }
            input.removeFirst(at)
            at = 0
            input += buffer.prefix(got)
        }
    }

    private static func error(_ what: String) -> LabError { LabError("\(what): \(String(cString: strerror(errno)))") }
}

/// Map clients that ask and never read.
final class StalledClients: Sendable {
    private struct Connections: @unchecked Sendable {  // Touched under the lock of `connections`.
        var all: [MapConnection] = []
    }

    private static let octets = 4 << 20

    private let address: String
    private let port: Int
    private let connections = Locked(Connections())

    init(address: String, port: Int) {
        self.address = address
        self.port = port
    }

    func connect(_ count: Int) throws {
        for _ in 0..<count {
            let connection = try MapConnection(address: address, port: port)
            try connection.sendUntilFull("postfix \(DomainKind.conforming.domains[0])", atMost: Self.octets)
            connections.withLock { [held = Connections(all: [connection])] in $0.all += held.all }
        }
    }

    func stop() { connections.withLock { $0.all = [] } }
}
