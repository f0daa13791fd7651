// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What a service manager listens on to hear of its services. - sd_notify(3)
package final class NotifySocket: Sendable {
    /// What belongs into `NOTIFY_SOCKET`.
    package let name: String
    private let descriptor: Int32

    /// Listens at a path, or at an abstract address if `name` begins with `@`.
    package init(_ name: String) throws {
        self.name = name
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw LabError("\(name) is too long") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard result == 0 else { throw LabError("cannot bind \(name): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// The next message, as its lines, if one has come.
    package func poll() -> [String]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Waits for the next message.
    package func next(within timeout: Duration = .seconds(30)) async throws -> [String] {
        try await Wait.value("message at \(name)", within: timeout) { poll() }
    }
}
