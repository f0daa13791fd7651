// SPDX-License-Identifier: Apache-2.0
import Discovery
import LabKit
import Testing

// Serialized: every test runs servers of its own, and hundreds of them at once exhaust descriptors.
@Suite("A slow policy host costs its own domain only", .serialized)
struct FetchDeadlineTests {
    static let slow: [(PolicyAnswer, String)] = [
        (.hang, "no policy within 3 s: no answer from mta-sts.slow.lab"),
        (
            .body(.drip(String(repeating: "version: STSv1\n", count: 100), everyMilliseconds: 20)),
            "no policy within 3 s: answer of mta-sts.slow.lab not complete"
        ),
    ]

    @Test(arguments: slow.indices)
    func theDeadlineEndsAFetch(_ index: Int) async throws {
        let (answer, text) = Self.slow[index]
        let world = try World()
        let domain = try world.publish(answer, for: "slow.lab")
        let start = ContinuousClock.now
        let failure = try await world.failure(for: domain) { $0.fetchDeadline = .seconds(3) }
        #expect(failure?.type == .stsPolicyFetchError)
        #expect(failure?.text.hasPrefix("no policy within 3 s: ") == true)
        // Other tests of the process may block all threads for so long that the host was not even asked.
        if world.host.hits("mta-sts.slow.lab") == 1 { #expect(failure?.text == text) }
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test func othersGoOnMeanwhile() async throws {
        let world = try World()
        let slow = try world.publish(.hang, for: "slow.lab")
        let quick = try world.publish(.good, for: "quick.lab")
        let discoverer = try world.discoverer()
        let waiting = Task { await discoverer.error(for: slow) }
        try await Wait.until("the slow host is asked") { world.host.hits("mta-sts.slow.lab") == 1 }
        #expect(await discoverer.failure(for: quick) == nil)
        waiting.cancel()
        #expect(await waiting.value == .notTried("fetch cancelled"))
    }

    @Test func noMoreThanTheSetNumberRunAtOnce() async throws {
        let world = try World()
        var answer = PolicyAnswer.good
        answer.delay = .milliseconds(300)
        let domains = try (1...4).map { try world.publish(answer, for: "d\($0).lab") }
        let discoverer = try world.discoverer { $0.maxFetches = 2 }
        let start = ContinuousClock.now
        await withTaskGroup { group in
            for domain in domains { group.addTask { await discoverer.failure(for: domain) } }
            for await failure in group { #expect(failure == nil) }
        }
        #expect(ContinuousClock.now - start >= .milliseconds(600))
    }

    @Test func whoGetsNoPlaceInTimeIsNotTried() async throws {
        let world = try World()
        let slow = try world.publish(.hang, for: "slow.lab")
        let quick = try world.publish(.good, for: "quick.lab")
        let discoverer = try world.discoverer {
            $0.maxFetches = 1
            $0.placeWaitLimit = .milliseconds(100)
        }
        let first = Task { await discoverer.failure(for: slow) }
        try await Wait.until("the slow host is asked") { world.host.hits("mta-sts.slow.lab") == 1 }
        #expect(await discoverer.error(for: quick) == .notTried("too many fetches under way"))
        #expect(world.host.hits("mta-sts.quick.lab") == 0)
        first.cancel()
        _ = await first.value
        #expect(await discoverer.error(for: quick) == nil)
    }

    @Test func whoWaitedForAPlaceHasTheWholeTimeForItsFetch() async throws {
        let world = try World()
        let slow = try world.publish(.hang, for: "slow.lab")
        let quick = try world.publish(.good, for: "quick.lab")
        let discoverer = try world.discoverer {
            $0.maxFetches = 1
            $0.fetchDeadline = .seconds(2)
        }
        async let first = discoverer.failure(for: slow)
        try await Wait.until("the slow host is asked") { world.host.hits("mta-sts.slow.lab") == 1 }
        #expect(await discoverer.error(for: quick) == nil)
        #expect(await first?.text.hasPrefix("no policy within 2 s") == true)
    }

    @Test func aFetchThatWaitsForAPlaceCanBeCancelled() async throws {
        let world = try World()
        let slow = try world.publish(.hang, for: "slow.lab")
        let quick = try world.publish(.good, for: "quick.lab")
        let long = try world.discoverer { $0.maxFetches = 1 }
        let first = Task { await long.failure(for: slow) }
        try await Wait.until("the slow host is asked") { world.host.hits("mta-sts.slow.lab") == 1 }
        let second = Task { await long.error(for: quick) }
        second.cancel()
        #expect(await second.value == .notTried("fetch cancelled"))
        #expect(world.host.hits("mta-sts.quick.lab") == 0)
        first.cancel()
        _ = await first.value
        #expect(await long.failure(for: quick) == nil)
    }

    @Test func aCancelledFetchEndsAtOnceAndFreesItsPlace() async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        world.host.connectionFault = .silent
        let discoverer = try world.discoverer { $0.maxFetches = 1 }
        let start = ContinuousClock.now
        let fetch = Task { await discoverer.error(for: domain) }
        try await Wait.until("the host is dialled") { world.host.connections == 1 }
        #expect(try world.openConnections == 1)
        fetch.cancel()
        #expect(await fetch.value == .notTried("fetch cancelled"))
        world.host.connectionFault = .none
        #expect(await discoverer.failure(for: domain) == nil)
        #expect(ContinuousClock.now - start < .seconds(9))
    }

    @Test func fetchesCancelledAtAnyMomentLeaveNoConnection() async throws {
        let world = try World()
        let domain = try world.publish(.good, for: "example.lab")
        let discoverer = try world.discoverer { $0.maxFetches = 8 }
        await withTaskGroup { group in
            for step in 0..<120 {
                group.addTask {
                    let fetch = Task { await discoverer.failure(for: domain) }
                    try? await Task.sleep(for: .milliseconds(step))
                    fetch.cancel()
                    _ = await fetch.value
                }
            }
        }
        try await Wait.until("no connection is left") { try world.openConnections == 0 }
        #expect(await discoverer.failure(for: domain) == nil)
    }
}
