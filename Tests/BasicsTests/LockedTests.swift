// SPDX-License-Identifier: Apache-2.0
import Basics
import Dispatch
import Testing

@Suite("Values that many threads read and change")
struct LockedTests {
    @Test("in shards: nothing is lost, and a key stays in its shard")
    func shards() throws {
        let names = try (0..<100).map { try DomainName("key-\($0).example") }
        let shards = LockedShards(count: 16) { [DomainName: Int]() }
        let indexes = names.map { shards.index(of: $0) }
        #expect(Set(indexes).count > 8)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for turn in 0..<10_000 {
                let key = names[turn % 100]
                shards.withLock(shards.index(of: key)) { $0[key, default: 0] += 1 }
            }
        }
        for number in 0..<100 {
            #expect(shards.withLock(indexes[number]) { $0[names[number]] } == 800)
        }
    }

    @Test("in copies: no change is lost, and every thread sees the last one")
    func copies() {
        let numbers = Replicated([0])
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<500 {
                let own = numbers.change { numbers in
                    numbers.append(numbers.count)
                    return numbers.count
                }
                #expect(numbers.read { $0.count } >= own)
            }
        }
        DispatchQueue.concurrentPerform(iterations: 64) { _ in
            #expect(numbers.value == Array(0...4000))
        }
    }
}
