// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Testing

@Suite("Backoff: each failure doubles the pause, a success begins anew")
struct BackoffTests {
    @Test("up to the longest, and from the first again")
    func pauses() {
        var backoff = Backoff(first: .seconds(1), longest: .seconds(32))
        let pauses = (0..<8).map { _ in backoff.next() }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 32, 32].map { .seconds($0) })
        backoff.reset()
        let first = backoff.next()
        #expect(first == .seconds(1))
    }
}
