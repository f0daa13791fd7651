// SPDX-License-Identifier: Apache-2.0

/// Waiting for a condition, never for a time.
package enum Wait {
    /// How often a condition is looked at.
    package static let interval: Duration = .milliseconds(10)

    /// Waits until `condition` holds; throws ``LabError`` naming `what` once `timeout` has passed.
    package static func until(
        _ what: String, within timeout: Duration = .seconds(30), _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + timeout
        while try await !condition() {
            guard ContinuousClock.now < deadline else { throw LabError("not within \(timeout): \(what)") }
            try await Task.sleep(for: interval)
        }
    }

    /// Waits until `produce` gives a value.
    package static func value<Value>(
        _ what: String, within timeout: Duration = .seconds(10), _ produce: () async throws -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let value = try await produce() { return value }
            guard ContinuousClock.now < deadline else { throw LabError("not within \(timeout): \(what)") }
            try await Task.sleep(for: interval)
        }
    }
}
