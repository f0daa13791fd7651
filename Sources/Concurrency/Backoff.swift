// SPDX-License-Identifier: Apache-2.0

/// How long to wait before something that failed is tried again: twice as long after each failure, up to a limit.
package struct Backoff: Sendable {
    private let first: Duration
    private let longest: Duration
    private var pause: Duration

    /// - Parameters:
    ///   - first: the pause after the first failure.
    ///   - longest: no pause is longer.
    package init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = longest
        pause = first
    }

    /// The pause after one more failure.
    package mutating func next() -> Duration {
        defer { pause = min(pause * 2, longest) }
        return pause
    }

    /// Begins anew: it has worked.
    package mutating func reset() { pause = first }

    /// Waits for the next pause; returns at once when the task is cancelled.
    package mutating func wait() async { try? await Task.sleep(for: next()) }
}
