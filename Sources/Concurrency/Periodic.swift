// SPDX-License-Identifier: Apache-2.0

/// Does work at once and again after each pause, until the task is cancelled.
package func every(_ pause: Duration, _ work: () async -> Void) async {
    while !Task.isCancelled {
        await work()
        try? await Task.sleep(for: pause)
    }
}

/// Does work after each pause, until the task is cancelled.
/// - Parameter atEnd: whether the work is done once more after a pause that was cut short, for what came in it.
package func afterEvery(_ pause: Duration, atEnd: Bool = false, _ work: () async -> Void) async {
    repeat {
        try? await Task.sleep(for: pause)
        if Task.isCancelled, !atEnd { return }
        await work()
    } while !Task.isCancelled
}
