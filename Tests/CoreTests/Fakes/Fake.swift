// SPDX-License-Identifier: Apache-2.0
import Synchronization

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

/// A value behind a lock.
final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try value.withLock { (value) throws(Failure) in try body(&value) }
    }
}
