// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Glibc
import LabKit

/// Postfix's datagrams: each sent once, and lost to nobody's knowledge where the kernel does not take it.
final class DatagramLoad: Sendable {
    private struct State {
        /// Datagrams that the kernel took, by tenths of seconds since the start.
        var taken: [Int: Int] = [:]
        var refused = 0
        var kills: [ContinuousClock.Instant] = []
        var hasEnded = false
    }

    private static let pause = useconds_t(5_000)
    /// What is not on disk so long after it was taken, is: the counts are written each second.
    static let uncommitted = Duration.seconds(3)

    private let path: String
    private let situation: Situation
    private let findings: Findings
    private let began = ContinuousClock.now
    private let state = Locked(State())

    init(path: String, situation: Situation, findings: Findings) {
        self.path = path
        self.situation = situation
        self.findings = findings
    }

    func start() { Thread { [self] in run() }.start() }

    var hasEnded: Bool { state.withLock { $0.hasEnded } }
    /// Datagrams that the kernel took.
    var taken: Int { state.withLock { $0.taken.values.reduce(0, +) } }
    /// Those that it did not take: the daemon was down, or read too late.
    var refused: Int { state.withLock { $0.refused } }
    /// Those that may be lost by kill -9: they were taken shortly before.
    var mayBeLost: Int {
        state.withLock { state in
            state.taken.filter { slot, _ in
                let time = began + .milliseconds(slot * 100)
                return state.kills.contains { $0 - Self.uncommitted <= time && time <= $0 }
            }.values.reduce(0, +)
        }
    }

    func noteKill() { state.withLock { $0.kills.append(.now) } }

    private func run() {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path.utf8) }
        let payloads = World.told.map { Array(Self.payload($0).utf8) }
        var next = 0
        while !situation.isStopping {
            let before = situation.now
            let payload = payloads[next % payloads.count]
            let slot = Int((ContinuousClock.now - began) / .milliseconds(100))
            let sent = withUnsafePointer(to: &place) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(
                        descriptor, payload, payload.count, Int32(MSG_DONTWAIT), $0,
                        socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            let cause = errno
            if sent == payload.count {
                state.withLock { $0.taken[slot, default: 0] += 1 }
            } else {
                state.withLock { $0.refused += 1 }
                let isFull = cause == EAGAIN
                if !isFull, !situation.now.excusesBreak(since: before) {
                    findings.violation("datagrams: \(String(cString: strerror(cause)))")
                }
            }
            next += 1
            usleep(Self.pause)
        }
        state.withLock { $0.hasEnded = true }
    }

    private static func payload(_ domain: String) -> String {
        """
        {"dpv": "1","d": "\(domain)","pr": "v=TLSRPTv1; rua=mailto:reports@\(domain)","policies":[{"policy-type":2,\
        "policy-domain": "\(domain)","policy-string":["version: STSv1","mode: enforce","mx: mx.\(domain)",\
        "max_age: 604800"],"mx-host":["mx.\(domain)"],"t":0,"f":0}]}
        """
    }
}
