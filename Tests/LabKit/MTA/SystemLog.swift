// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import TestKit

/// A syslog socket that appends what it is told to a file, as rsyslog would to mail.log.
final class SystemLog: Sendable {
    /// Octets of `Nov 23 22:37:19 `. - RFC 3164 §4.1.2: HEADER Part of a syslog Packet.
    private static let timeOctets = 16
    /// Octets of one message that are read.
    private static let maxMessageBytes = 8192

    /// Nil once stopped: the number may then be another file's.
    private let socket: Locked<Int32?>

    /// Listens on `path`; lines go to `file` with `host` behind the time.
    init(path: String, file: String, host: String) throws {
        try writeFile(file, "")
        guard let output = FileHandle(forWritingAtPath: file) else { throw LabError("cannot write \(file)") }
        // NIO has no datagrams from senders without an address, which is how syslog(3) sends.
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let octets = Array(path.utf8)
        guard octets.count < MemoryLayout.size(ofValue: address.sun_path) else { throw LabError("too long: \(path)") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: octets) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) }
        }
        guard bound == 0, chmod(path, 0o666) == 0 else { throw LabError("cannot bind \(path)") }
        self.socket = Locked(socket)
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: Self.maxMessageBytes)
            while true {
                let count = recv(socket, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                output.write(Data(Self.line(buffer[..<count], host: host).utf8))
            }
            close(socket)
        }
    }

    /// Wakes the reading thread, which then ends and closes the socket.
    func stop() {
        socket.withLock { socket in
            if let socket { shutdown(socket, Int32(SHUT_RDWR)) }
            socket = nil
        }
    }

    deinit { stop() }

    private static func line(_ octets: ArraySlice<UInt8>, host: String) -> String {
        let text = String(decoding: octets, as: UTF8.self).filter { $0 != "\0" && !$0.isNewline }
        let line = text.hasPrefix("<") ? text.drop { $0 != ">" }.dropFirst() : text[...]
        return "\(line.prefix(timeOctets))\(host) \(line.dropFirst(timeOctets))\n"
    }
}
