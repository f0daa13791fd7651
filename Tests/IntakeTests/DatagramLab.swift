// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Glibc
import LabKit
import Logging
import Synchronization
@testable import Intake

/// A receiver at a socket of its own, and what it logs.
final class DatagramLab: Sendable {
    let folder: TemporaryDirectory
    let log = DatagramLog()
    let clock = DatagramClock()
    var path: String { folder.path + "/tlsrpt.sock" }

    init() throws { folder = try TemporaryDirectory("sts-datagrams") }

    func receiver(_ change: (inout DatagramSettings) -> Void = { _ in }) throws -> DatagramReceiver {
        var settings = DatagramSettings(path: path)
        change(&settings)
        return try DatagramReceiver(settings, clock: clock, logger: log.logger)
    }

    /// Everything that came in by now, by how it reads.
    func sessions(_ receiver: DatagramReceiver) async -> [String: Int] {
        let found = Mutex<[String: Int]>([:])
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

/// A clock that the test sets.
final class DatagramClock: WallClock {
    private let time = Mutex(UTCDay(daysSinceEpoch: 20_780).start)
    var now: UTCTime { time.withLock { $0 } }
    func set(_ now: UTCTime) { time.withLock { $0 = now } }
}

/// The lines that were logged.
final class DatagramLog: Sendable {
    private let collected = Mutex<[String]>([])

    var lines: [String] { collected.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: DatagramLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            log.collected.withLock { $0.append("\(event.message) \(fields)") }
        }
    }
}
