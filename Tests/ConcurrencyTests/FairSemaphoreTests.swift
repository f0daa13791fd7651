// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import Synchronization
import TestKit
import Testing
@testable import Concurrency

@Suite("A place is had once, or not at all")
struct FairSemaphoreTests {
    private static func shares(_ name: String) throws -> [Share] { [.owner(of: try DomainName(name))] }

    /// Work that lasts until the test ends it.
    private final class Gate: Sendable {
        private let post = Latch()
        let entered = Atomic(0)

        func open() async { await post.open() }

        func pass() async {
            entered.add(1, ordering: .relaxed)
            await post.wait()
        }
    }

    @Test("a stranger gets a place while one owner's names wait by the hundred")
    func stranger() async throws {
        let semaphore = FairSemaphore(places: 16, maxWaiting: 1000, waitLimit: .seconds(60))
        let gate = Gate()
        let hostile = try (0..<300).map { try Self.shares("n\($0).hostile.example") }
        let crowd = hostile.map { shares in Task { await semaphore.run(for: shares) { await gate.pass() } } }
        try await Wait.until("all others wait") { semaphore.waiting == 292 }
        #expect(!semaphore.isCrowded)
        let victim = try Self.shares("victim.example")
        #expect(await semaphore.run(for: victim) { true } == true)
        await gate.open()
        for task in crowd { #expect(await task.value != nil) }
        #expect(gate.entered.load(ordering: .relaxed) == 300)
        #expect(semaphore.waiting == 0)
    }

    @Test("the longest wait ends, and the place goes to the next")
    func waitLimit() async throws {
        let semaphore = FairSemaphore(places: 1, maxWaiting: 10, waitLimit: .milliseconds(50))
        let gate = Gate()
        let shares = try Self.shares("a.example")
        let first = Task { await semaphore.run(for: shares) { await gate.pass() } }
        try await Wait.until("the place is taken") { gate.entered.load(ordering: .relaxed) == 1 }
        #expect(await semaphore.run(for: shares) { true } == nil)
        let others = try Self.shares("b.example")
        #expect(await semaphore.run(for: others) { true } == nil)
        await gate.open()
        #expect(await first.value != nil)
        #expect(await semaphore.run(for: shares) { true } == true)
    }

    @Test("who is cancelled at any moment neither starts nor keeps a place")
    func cancellation() async throws {
        let semaphore = FairSemaphore(places: 2, maxWaiting: 1000, waitLimit: .seconds(60))
        let names = try (0..<8).map { try Self.shares("d\($0).example") }
        await withTaskGroup { group in
            for number in 0..<400 {
                group.addTask {
                    let work = Task { await semaphore.run(for: names[number % 8]) { await Task.yield() } }
                    if number.isMultiple(of: 3) { await Task.yield() }
                    if number.isMultiple(of: 2) { work.cancel() }
                    let result: Void? = await work.value
                    if !number.isMultiple(of: 2) { #expect(result != nil) }
                }
            }
        }
        #expect(semaphore.waiting == 0)
        for name in names { #expect(await semaphore.run(for: name) { true } == true) }
    }

    @Test("an address counts for its block, a name for its owner")
    func shares() throws {
        func block(_ text: String) throws -> Share { .block(of: try #require(IPAddress(text))) }
        #expect(try block("192.0.2.1") == block("192.0.2.254"))
        #expect(try block("192.0.2.1") != block("192.0.3.1"))
        #expect(try block("2001:db8:0:1::1") == block("2001:db8:0:ff::1"))
        #expect(try block("2001:db8:0:1::1") != block("2001:db8:0:100::1"))
        let names = try ["a.example.com", "mx.b.example.com", "mx.example.net"].map { try DomainName($0) }
        #expect(
            Share.owners(of: names)
                == [.owner(try DomainName("example.com")), .owner(try DomainName("example.net"))])
    }
}
