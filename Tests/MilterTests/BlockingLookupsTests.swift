// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import Glibc
import LabKit
import Testing
@testable import Milter

@Suite("Waiting for a verdict")
struct BlockingLookupsTests {
    /// From linux/futex.h: an absolute deadline, and by the wall clock.
    private static let waitBitset = 9
    private static let clockRealtime = 256
    #if arch(x86_64)
        private static let futex = 202
    #else
        private static let futex = 98
    #endif

    @Test("the wall clock, which may be set back, does not time a wait")
    func clock() throws {
        let judge = TableJudge()
        let thread = Locked("")
        let hop = NextHop.mx(of: try DomainName("good.slow.lab"), port: 25)
        Thread {
            let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
            thread.withLock { $0 = link ?? "" }
            _ = BlockingLookups().judgement(on: [hop], isMapAsked: true, by: judge, within: .seconds(60), maxWaiting: 4)
        }.start()
        defer { judge.release() }
        // What the thread waits in: the kernel tells the call and its arguments.
        var operation: Int?
        let deadline = ContinuousClock.now + .seconds(10)
        while operation == nil, ContinuousClock.now < deadline {
            usleep(2_000)
            let path = "/proc/\(thread.withLock { $0 })/syscall"
            let fields = (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: " ") ?? []
            guard fields.count > 3, Int(fields[0]) == Self.futex, let code = Int(fields[2].dropFirst(2), radix: 16),
                code & 127 == Self.waitBitset
            else { continue }
            operation = code
        }
        #expect(try #require(operation) & Self.clockRealtime == 0)
    }

    @Test("a domain that has filled its own share has used it up; only a lookups that is full is a failure of our own")
    func refusals() async throws {
        let judge = TableJudge()
        let lookups = BlockingLookups()
        func hop(_ owner: String) throws -> NextHop { .mx(of: try DomainName("\(owner).slow.lab"), port: 25) }
        @Sendable func ask(_ hop: NextHop, _ waitLimit: Duration) -> WaitEnding? {
            if case .failure(let ending) = lookups.judgement(
                on: [hop], isMapAsked: true, by: judge, within: waitLimit, maxWaiting: 4)
            {
                return ending
            }
            return nil
        }
        // A look of this test may hold the last place for a moment.
        @Sendable func take(_ hop: NextHop) -> WaitEnding? {
            while let ending = ask(hop, .seconds(60)) {
                guard ending != .late else { return ending }
                usleep(1_000)
            }
            return nil
        }
        var waiting: [Task<WaitEnding?, Never>] = []
        // All below slow.lab is one owner's: half of the places, and no more.
        let slow = try hop("a")
        for _ in 0..<2 { waiting.append(Task { await onThread { take(slow) } }) }
        try await Wait.until("the owner's share is full") { ask(slow, .milliseconds(1)) == .spent }
        for owner in ["b.example", "c.example"] {
            let other = NextHop.mx(of: try DomainName(owner), port: 25)
            waiting.append(Task { await onThread { take(other) } })
        }
        let last = NextHop.mx(of: try DomainName("d.example"), port: 25)
        try await Wait.until("the lookups is full") { ask(last, .milliseconds(1)) == .crowded }
        #expect(ask(last, .zero) == .spent)
        judge.release()
        for task in waiting { #expect(await task.value == nil) }
    }
}
