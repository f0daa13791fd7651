// SPDX-License-Identifier: Apache-2.0
import Basics
import Dispatch
import Testing

@Suite("A value that threads wait for")
struct MonitorTests {
    @Test("all who wait are woken by a change, and those that came too late see it at once")
    func change() async {
        let value = Monitor(0)
        let waiters = (0..<4).map { _ in
            Task.detached { await wait(for: value, within: .seconds(60)) }
        }
        await wait(for: value, within: .milliseconds(20))
        value.change { $0 = 7 }
        for waiter in waiters { #expect(await waiter.value == 7) }
        #expect(await wait(for: value, within: .zero) == 7)
    }

    @Test("a change to something else ends no wait; its limit does, and not before")
    func limit() async {
        let value = Monitor(0)
        let begun = ContinuousClock.now
        async let found = wait(for: value, within: .milliseconds(300))
        value.change { $0 = 1 }
        #expect(await found == 1)
        #expect(ContinuousClock.now - begun >= .milliseconds(300))
    }

    @Test("who has waited may take the value away")
    func taken() {
        let value = Monitor<Int?>(3)
        #expect(value.wait(within: .zero, until: { $0 != nil }, then: { $0.take() }) == 3)
        #expect(value.wait(within: .zero, until: { $0 != nil }, then: { $0.take() }) == nil)
    }
}

/// Waits for a seven on a thread that may block.
@discardableResult
private func wait(for value: Monitor<Int>, within limit: Duration) async -> Int {
    await withCheckedContinuation { done in
        DispatchQueue.global().async {
            done.resume(returning: value.wait(within: limit, until: { $0 == 7 }, then: { $0 }))
        }
    }
}
