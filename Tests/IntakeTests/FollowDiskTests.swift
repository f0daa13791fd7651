// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import Store
import Testing
import TestKit
@testable import Intake

@Suite("A followed log waits for room on a disk that is full")
struct FollowDiskTests {
    @Test("counts each session once when there is room again, the log rotated meanwhile")
    func full() async throws {
        let world = try FollowedLog()
        let directory = try TemporaryDirectory("intake-disk")
        let disk = try directory.makeDirectory("disk")
        try Command.check(["mount", "-t", "tmpfs", "-o", "size=2m", "sts-lab", disk])
        defer { _ = try? Command.run(["umount", "-l", disk]) }
        let store = try Store(path: disk + "/store", logger: world.log.logger)
        let ports = IntakePorts(
            counter: NumberCounter(),
            ledger: Ledger(store: store, clock: world.clock, logger: world.log.logger), clock: world.clock)
        let follower = LogFollower<PairReader>(
            .postfixLog, path: world.scratch.log, beginsAtEnd: false, pace: world.pace, ports: ports,
            logger: world.log.logger)
        try world.scratch.write(PairReader.lines(1...50))
        let task = Task { await follower.run() }
        defer { task.cancel() }
        try await Wait.until("the first") { try await counted(store, world).count == 50 }

        _ = try Command.run(["dd", "if=/dev/zero", "of=\(disk)/filler", "bs=4k"])
        try world.scratch.write(PairReader.lines(51...3000))
        try await Wait.until("a warning") { world.log.lines.contains { $0.contains("cannot be kept") } }
        try world.scratch.rename()
        try world.scratch.write(PairReader.lines(3001...3050))
        try Command.check(["rm", "\(disk)/filler"])
        try await Wait.until("the rest", within: .seconds(30)) { try await counted(store, world).count >= 3050 }
        let sessions = try await counted(store, world)
        #expect(sessions.count == 3050)
        #expect(sessions.values.allSatisfy { $0 == 1 })
        #expect(world.log.lines.filter { $0.hasPrefix("warning") }.count == 1, "\(world.log.lines)")
        #expect(world.log.lines.contains { $0.contains("cannot be kept") && $0.contains("no space left") })
    }

    /// Sessions by domain.
    private func counted(_ store: Store, _ world: FollowedLog) async throws -> [DomainName: Int] {
        var counted: [DomainName: Int] = [:]
        for try await domain in store.results(of: world.clock.now.day) {
            counted[domain.domain] = domain.policies.map(\.tally.successes).reduce(0, +)
        }
        return counted
    }
}
