// SPDX-License-Identifier: Apache-2.0
import Basics
import TestKit
import Concurrency
import Testing
@testable import PolicyMap

@Suite("Warnings about clients of the policy map")
struct MapWarningTests {
    @Test("one line a minute of each kind, which says how many were held back")
    func rate() {
        let book = CapturedLog()
        let time = Locked(ContinuousClock.now)
        let warnings = RateLimitedLog<MapWarning>(logger: book.logger) { time.withLock { $0 } }
        warnings.warn(.unknownMap)
        for second in 0..<125 {
            warnings.warn(.garbage, ["n": "\(second)"])
            time.withLock { $0 += .seconds(1) }
        }
        #expect(book.lines.count == 4)
        #expect(book.lines[1].hasSuffix(" n=0"))
        #expect(book.lines[2].hasSuffix(" more_before=59 n=60"))
        #expect(book.lines[3].hasSuffix(" more_before=59 n=120"))
    }
}
