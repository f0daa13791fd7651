// SPDX-License-Identifier: Apache-2.0

/// Holds tasks back until it is opened.
actor Gatepost {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func wait() async {
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

/// Lets the other tasks come as far as they can by themselves.
func settle() async { for _ in 0..<1000 { await Task.yield() } }
