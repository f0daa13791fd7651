// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// Tells systemd how the service fares, from whatever thread; once it stops, nothing else. - sd_notify(3)
package final class ServiceNotifier: Sendable {
    /// How long a service manager that takes no message may hold up the daemon, in seconds.
    private static let patienceSeconds = 2

    private let path: String?
    private let isStopping = Mutex(false)

    /// Takes the socket that systemd names in the environment; without one every message is dropped.
    package init() { path = getenv("NOTIFY_SOCKET").map { String(cString: $0) } }

    package func ready() { tell("READY=1\nSTATUS=serving") }
    package func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        tell("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }
    package func stopping() {
        isStopping.withLock { isStopping in
            isStopping = true
            send("STOPPING=1")
        }
    }

    /// Under the lock, so that messages leave in the order in which they became true.
    private func tell(_ message: String) {
        isStopping.withLock { isStopping in if !isStopping { send(message) } }
    }

    private func send(_ message: String) {
        guard let path, let first = path.utf8.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@") else {
            return
        }
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        var limit = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        // An abstract socket is written with @ and begins with a NUL.
        if first == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let text = Array(message.utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket, text, text.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
