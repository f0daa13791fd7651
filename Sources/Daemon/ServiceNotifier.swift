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
