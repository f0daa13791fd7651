// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Foundation

// What a warm verdict costs from the gate on, its count included: bench-verdict [same|turn [VERDICTS [DOMAINS]]]
//
// same: 20 domains, whose verdict of the current second is kept; turn: 50,000 domains of 1,000,000, one after the other,
// each judged anew from its policy, its route and its hosts. With VERDICTS that many are done by one thread and nothing
// is said: for valgrind --tool=callgrind, which counts instructions (of the difference between two runs). In turn are then
// DOMAINS, 1000 unless it is given.
let arguments = CommandLine.arguments.dropFirst()

func world(_ mode: String, domains: Int?) async throws -> World {
    switch mode {
    case "same": try await World(policies: 20, asked: 20)
    case "turn": try await World(policies: domains ?? 1_000_000, asked: domains ?? 50_000)
    default: throw Failure("no such mode: \(mode)")
    }
}

/// Has the threads judge so many recipients each, and says how long one took.
func measure(_ world: World, _ mode: String, threads: Int, each: Int) -> Duration {
    let clock = ContinuousClock()
    return clock.measure {
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            for number in 0..<each {
                // A new second for each round: nothing is kept from the one before.
                if mode == "turn", thread == 0, number % world.hops.count == 0 { world.clock.step() }
                world.verdict(number + thread * 7919)
            }
        }
    } / each
}

await bench("bench-verdict") {
    if let mode = arguments.first, let count = arguments.dropFirst().first.flatMap({ Int($0) }) {
        let world = try await world(mode, domains: arguments.dropFirst(2).first.flatMap { Int($0) } ?? 1000)
        defer { world.remove() }
        _ = measure(world, mode, threads: 1, each: count)
        return
    }
    for mode in arguments.first.map({ [$0] }) ?? ["same", "turn"] {
        let world = try await world(mode, domains: nil)
        defer { world.remove() }
        _ = measure(world, mode, threads: 1, each: 200_000)
        for threads in [1, 2, 16] {
            let took = (0..<5).map { _ in measure(world, mode, threads: threads, each: 800_000 / threads) }.sorted()
            print("\(mode), \(threads) threads: \(rounded(seconds(took[2]) * 1e6 / Double(threads))) us a verdict")
            await world.ledger.flush()
        }
    }
}
