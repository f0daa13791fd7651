// SPDX-License-Identifier: Apache-2.0
import Basics
import CSystemd
import Glibc

/// Tells systemd how the service fares, from whatever thread; once it stops, nothing else. - sd_notify(3)
///
/// Without a socket in the environment every message is dropped.
final class ServiceNotifier: Sendable {
    private let isStopping = Locked(false)

    init() {}

    func ready() { tell("READY=1\nSTATUS=serving") }

    /// Tells the service manager that all is well, as often as it wants to hear it; never where it does not ask. One test that
    /// fails tells nothing, and the next one may still come in time. - sd_watchdog_enabled(3)
    /// - Parameter isWell: may take some seconds.
    func watch(_ isWell: @Sendable () async -> Bool) async {
        var limitMicroseconds: UInt64 = 0
        guard sd_watchdog_enabled(0, &limitMicroseconds) > 0 else { return }
        while !Task.isCancelled {
            // Thrice within the time that a service may be silent.
            try? await Task.sleep(for: .microseconds(Int64(clamping: limitMicroseconds / 3)))
            if await isWell() { tell("WATCHDOG=1") }
        }
    }

    func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        tell("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }
    func stopping() {
        isStopping.withLock { isStopping in
            isStopping = true
            sd_notify(0, "STOPPING=1")
        }
    }

    /// Under the lock, so that messages leave in the order in which they became true.
    private func tell(_ message: String) {
        isStopping.withLock { isStopping in if !isStopping { sd_notify(0, message) } }
    }
}
