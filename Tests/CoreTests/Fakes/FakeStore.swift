// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import TestKit

/// Policies on a disk that may be full.
final class FakeStore: PolicyStore, Fake {
    struct State {
        var isFull = false
        /// Holds the next save back, which then counts as not there yet.
        var nextSave: Latch?
        var saved: [DomainName: CachedPolicy] = [:]
        var uses: [DomainName: UTCTime] = [:]
    }

    struct Full: Error {}

    let state = Locked(State())

    func save(_ policy: CachedPolicy) async throws {
        let post = state.withLock { state in
            let post = state.nextSave
            state.nextSave = nil
            return post
        }
        await post?.wait()
        try state.withLock { (state: inout State) throws(Full) in
            if state.isFull { throw Full() }
            state.saved[policy.domain] = policy
        }
    }

    func save(uses: [DomainName: UTCTime]) async throws {
        try state.withLock { (state: inout State) throws(Full) in
            if state.isFull { throw Full() }
            state.uses.merge(uses) { $1 }
        }
    }

    func remove(_ domain: DomainName) async throws {
        state.withLock {
            $0.saved[domain] = nil
            $0.uses[domain] = nil
        }
    }
}
