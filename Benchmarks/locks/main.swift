// SPDX-License-Identifier: Apache-2.0
import Basics
import BenchKit
import Foundation
import Synchronization

// One counter behind one lock, for 1, 2 and 16 threads: Basics' Locked (a pthread mutex) beside Synchronization.Mutex.
let turns = 400_000

/// Nanoseconds a turn, the median of five runs.
func nanoseconds(threads: Int, _ turn: @escaping @Sendable () -> Void) -> Double {
    let clock = ContinuousClock()
    let runs = (0..<5).map { _ in
        clock.measure {
            let group = DispatchGroup()
            for _ in 0..<threads {
                group.enter()
                Thread.detachNewThread {
                    for _ in 0..<turns / threads { turn() }
                    group.leave()
                }
            }
            group.wait()
        }
    }
    return seconds(runs.sorted()[2]) * 1e9 / Double(turns)
}

final class Counters: Sendable {
    let locked = Locked(0)
    let mutex = Mutex(0)
}

let counters = Counters()
for threads in [1, 2, 16] {
    let locked = nanoseconds(threads: threads) { counters.locked.withLock { $0 &+= 1 } }
    let mutex = nanoseconds(threads: threads) { counters.mutex.withLock { $0 &+= 1 } }
    print("\(threads) threads: Locked \(rounded(locked)) ns, Mutex \(rounded(mutex)) ns a turn")
}
