// SPDX-License-Identifier: Apache-2.0

/// Runs `work` and cancels it at `deadline`; nil if it was too late, or the caller was cancelled.
///
/// Returns only when `work` has: it must end soon once cancelled.
package func before<Value: Sendable>(
    _ deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () async -> Value
) async -> Value? {
    await withTaskGroup(of: Value?.self) { group in
        group.addTask { await work() }
        group.addTask {
            try? await Task.sleep(until: deadline, clock: .continuous)
            return nil
        }
        let first = await group.next() ?? nil
        group.cancelAll()
        return first
    }
}

extension Duration {
    /// For a reader: `60 s`, `0.5 s`.
    package var secondsText: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        let (whole, part) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        return part == 0 ? "\(whole) s" : "\(Double(milliseconds) / 1000) s"
    }
}
