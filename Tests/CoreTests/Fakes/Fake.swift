// SPDX-License-Identifier: Apache-2.0
import Basics

/// Stands for a port: what it answers and what it was asked are the members of its `State`, which a test reads and sets.
@dynamicMemberLookup
protocol Fake: AnyObject, Sendable {
    associatedtype State: Sendable
    var state: Locked<State> { get }
}

extension Fake {
    subscript<Member: Sendable>(dynamicMember member: WritableKeyPath<State, Member>) -> Member {
        get { state.withLock { $0[keyPath: member] } }
        set { state.withLock { $0[keyPath: member] = newValue } }
    }
}
