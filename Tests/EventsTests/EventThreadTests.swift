// SPDX-License-Identifier: Apache-2.0
import Events
import Testing

struct EventThreadTests {
    private final class Held: Sendable {}

    @Test("A deadline passes, and a cancelled one does not", .timeLimit(.minutes(1)))
    func deadlines() async throws {
        let thread = try EventThread()
        defer { thread.stop() }
        let (endings, continuation) = AsyncStream.makeStream(of: String.self)
        let start = ContinuousClock.now
        let cancelled = thread.at(start + .milliseconds(20)) { _ in continuation.yield("cancelled") }
        _ = thread.at(start + .milliseconds(40)) { _ in
            continuation.yield("passed")
            continuation.finish()
        }
        cancelled?.cancel()
        #expect(await endings.reduce(into: []) { $0.append($1) } == ["passed"])
        #expect(.now - start >= .milliseconds(40))
    }

    @Test("What a cancelled deadline held is let go at once")
    func cancelled() throws {
        let thread = try EventThread()
        defer { thread.stop() }
        var held: Held? = Held()
        weak let holder = held
        let timer = thread.at(.now + .seconds(3600)) { [held] _ in _ = held }
        held = nil
        #expect(holder != nil)
        timer?.cancel()
        #expect(holder == nil)
    }

    @Test("Thousands of deadlines that were cancelled do not keep one from passing", .timeLimit(.minutes(1)))
    func manyCancelled() async throws {
        let thread = try EventThread()
        defer { thread.stop() }
        for place in 0..<10_000 { thread.at(.now + .seconds(Int64(3600 - place % 100))) { _ in }?.cancel() }
        let ending: EventThread.Ending = await withCheckedContinuation { continuation in
            _ = thread.at(.now + .milliseconds(10)) { continuation.resume(returning: $0) }
        }
        #expect(ending == .deadline)
    }

    @Test("A deadline of a thread that has stopped is told so at once")
    func stopped() throws {
        let thread = try EventThread()
        thread.stop()
        var heard: [EventThread.Ending] = []
        withUnsafeMutablePointer(to: &heard) { heard in
            nonisolated(unsafe) let heard = heard
            let timer = thread.at(.now + .seconds(3600)) { heard.pointee.append($0) }
            #expect(timer == nil)
        }
        #expect(heard == [.stopped])
    }
}
