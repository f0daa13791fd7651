// SPDX-License-Identifier: Apache-2.0

/// Holds tasks back until it is opened.
package actor Latch {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    package init() {}

    package func wait() async {
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    package func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

/// Lets the other tasks come as far as they can by themselves.
package func settle() async { for _ in 0..<1000 { await Task.yield() } }

/// Lets the other tasks go on until the condition holds.
/// - Returns: false if it does not hold within the limit, so that a test that expects it fails and does not hang.
package func eventually(
    within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { return false }
        await Task.yield()
    }
    return true
}
