// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import MTASTS
import Names
import Testing

@testable import Milter

@Suite("Waiting for a verdict")
struct WaitingRoomTests {
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
        let thread = Guarded("")
        let hop = NextHop.mx(of: try DomainName("good.slow.lab"), port: 25)
        Thread {
            let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
            thread.withLock { $0 = link ?? "" }
            _ = WaitingRoom().verdict(on: [hop], by: judge, within: .seconds(60), maxWaiting: 4)
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
}
