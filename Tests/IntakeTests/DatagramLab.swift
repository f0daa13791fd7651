// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Foundation
import Glibc
import LabKit
import Logging
@testable import Intake

/// A receiver at a socket of its own, and what it logs.
final class DatagramLab: Sendable {
    let folder: TemporaryDirectory
    let log = CapturedLog()
    let clock = TestClock(UTCDay(daysSinceEpoch: 20_780).start)
    var path: String { folder.path + "/tlsrpt.sock" }

    init() throws { folder = try TemporaryDirectory("sts-datagrams") }

    func receiver(_ change: (inout DatagramSettings) -> Void = { _ in }) throws -> DatagramReceiver {
        var settings = DatagramSettings(path: path)
        change(&settings)
        return try DatagramReceiver(settings, clock: clock, logger: log.logger)
    }

    /// Everything that came in by now, by how it reads.
    func sessions(_ receiver: DatagramReceiver) async -> [String: Int] {
        let found = Locked<[String: Int]>([:])
        await DatagramIntake(receiver).read { datagram, day, times in
            found.withLock { $0["\(day) \(datagram.domain)", default: 0] += times }
        }
        return found.withLock { $0 }
    }
}

/// Sends like libtlsrpt: an unbound socket, no answer.
final class DatagramSender {
    private let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    private let path: String

    init(_ path: String) {
        self.path = path
        var size: Int32 = 1 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(descriptor) }

    /// - Returns: 0, or the `errno`.
    @discardableResult
    func send(_ octets: some Collection<UInt8>, waits: Bool = true) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let payload = Array(octets)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    descriptor, payload, payload.count, waits ? 0 : Int32(MSG_DONTWAIT), $0,
                    socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return sent == payload.count ? 0 : errno
    }
}
