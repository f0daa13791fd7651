// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// Sends octets, and reads what comes until the other side closes.
package struct PlainClient {
    package struct Response {
        package let status: Int
        package let head: String
        package let body: String

        package func field(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
                .map { String($0.dropFirst(name.count + 2)) }
        }
    }

    private let descriptor: Int32

    /// - Parameter address: of IPv4 or a Unix socket.
    package init(_ address: ListenAddress) throws {
        switch address {
        case .inet(let host, let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            inet_pton(AF_INET, host ?? "127.0.0.1", &name.sin_addr)
            try connect(to: name, address)
        case .unix(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
            try connect(to: name, address)
        case .inet6, .descriptor: throw LabError("no client for \(address)")
        }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    private func connect<Name>(to name: Name, _ address: ListenAddress) throws {
        let result = withUnsafePointer(to: name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Name>.size))
            }
        }
        guard result == 0 else {
            let cause = String(cString: strerror(errno))
            close()
            throw LabError("\(address): \(cause)")
        }
    }

    package func close() { _ = Glibc.close(descriptor) }

    package func send(_ text: String) {
        let octets = Array(text.utf8)
        _ = octets.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// What comes until the end; nil if it does not come in time.
    package func rest() -> String? {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 || (count < 0 && errno == ECONNRESET) { return String(decoding: all, as: UTF8.self) }
            guard count > 0 else { return nil }
            all += buffer[..<count]
        }
    }

    /// The answer to one request.
    package static func ask(_ address: ListenAddress, _ request: String) throws -> Response? {
        let client = try PlainClient(address)
        defer { client.close() }
        client.send(request)
        guard let text = client.rest(), let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        let head = String(text[..<end.lowerBound])
        return Response(
            status: Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0, head: head,
            body: String(text[end.upperBound...]))
    }

    package static func get(_ address: ListenAddress, _ path: String, host: String = "localhost") throws -> Response? {
        try ask(address, "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
    }
}
