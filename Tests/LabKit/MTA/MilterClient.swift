// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// The MTA's end of the milter protocol, as Postfix speaks it; every call blocks, reads for ten seconds at most.
package final class MilterClient {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    package struct Reply: Equatable, CustomStringConvertible {
        package let command: Character
        package let payload: [UInt8]

        /// The payload up to its final NUL.
        package var text: String { String(decoding: payload.prefix { $0 != 0 }, as: UTF8.self) }
        package var description: String { "\(command) \(text)" }
    }

    /// What the milter chose when the options were offered.
    package struct Options {
        package var actions: UInt32 = 0
        package var steps: UInt32 = 0
        /// The macros wanted, by stage.
        package var macros: [UInt32: String] = [:]
    }

    /// All that Postfix offers.
    package static let allActions: UInt32 = 0x1FF
    package static let allSteps: UInt32 = 0x1F_FFFF

    private let descriptor: Int32

    package init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        try connect(to: &address, named: path)
    }

    package init(address host: String, port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        // Packets without a reply would wait for the acknowledgement of the one before.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        try connect(to: &address, named: "\(host):\(port)")
    }

    private func connect<Address>(to address: inout Address, named name: String) throws {
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard result == 0 else { throw Failure(description: "connect \(name): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    // MARK: The dialogue

    package func negotiate(version: UInt32 = 6, actions: UInt32 = allActions, steps: UInt32 = allSteps) throws
        -> Options
    {
        try send("O", Self.number(version) + Self.number(actions) + Self.number(steps))
        let reply = try receive()
        guard reply.command == "O", reply.payload.count >= 12 else { throw Failure(description: "options: \(reply)") }
        var options = Options()
        options.actions = Self.number(reply.payload[4..<8])
        options.steps = Self.number(reply.payload[8..<12])
        var rest = reply.payload[12...]
        while rest.count > 4 {
            let stage = Self.number(rest.prefix(4))
            let list = rest.dropFirst(4).prefix { $0 != 0 }
            options.macros[stage] = String(decoding: list, as: UTF8.self)
            rest = rest.dropFirst(4 + list.count + 1)
        }
        return options
    }

    /// MAIL, which the milter does not reply to.
    package func mail(_ sender: String, macros: [String] = ["{daemon_port}", "25"], parameters: [String] = []) throws {
        try send("D", Array("M".utf8) + Self.strings(macros))
        try send("M", Self.strings([sender] + parameters))
    }

    package func recipient(_ address: String, macros: [String] = ["{rcpt_mailer}", "smtp"]) throws -> Reply {
        try send("D", Array("R".utf8) + Self.strings(macros))
        try send("R", Self.strings([address]))
        return try receive()
    }

    /// A header, which the milter does not reply to.
    package func header(_ name: String, _ value: String) throws { try send("L", Self.strings([name, value])) }

    /// End of message: all replies up to the last.
    package func end(_ queueID: String = "4B1") throws -> [Reply] {
        try send("D", Array("E".utf8) + Self.strings(["i", queueID]))
        try send("E", [])
        var replies = [try receive()]
        // A quarantine comes before the reply proper.
        while replies.last?.command == "q" { replies.append(try receive()) }
        return replies
    }

    package func abort() throws { try send("A", []) }

    package func quit() throws { try send("Q", []) }

    // MARK: Packets

    package func send(_ command: Character, _ payload: [UInt8]) throws {
        try write(Self.number(UInt32(payload.count + 1)) + Array(String(command).utf8) + payload)
    }

    package func write(_ bytes: [UInt8]) throws {
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Failure(description: "write: \(String(cString: strerror(errno)))")
        }
    }

    package func receive() throws -> Reply {
        let length = Self.number(try read(4)[...])
        guard (1...65536).contains(length) else { throw Failure(description: "length \(length)") }
        let packet = try read(Int(length))
        return Reply(command: Character(Unicode.Scalar(packet[0])), payload: Array(packet.dropFirst()))
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var have = 0
        while have < count {
            let got = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress?.advanced(by: have), count - have, 0)
            }
            guard got > 0 else { throw Failure(description: "the milter hung up or is silent") }
            have += got
        }
        return bytes
    }

    private static func strings(_ texts: [String]) -> [UInt8] { texts.flatMap { Array($0.utf8) + [0] } }

    private static func number(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
}
