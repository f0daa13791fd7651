// SPDX-License-Identifier: Apache-2.0
import Basics
import Settings

/// The settings that a running daemon goes by; a reload exchanges them.
final class SettingsInForce: Sendable {
    /// How the last reload went; a start counts as one.
    struct Reload: Sendable {
        var succeeded: Bool
        var lastSuccess: UTCTime
    }

    private let settings: Locked<Settings>
    private let reload: Locked<Reload>

    init(_ settings: Settings) {
        self.settings = Locked(settings)
        reload = Locked(Reload(succeeded: true, lastSuccess: SystemClock().now))
    }

    var value: Settings { settings.withLock { $0 } }
    var lastReload: Reload { reload.withLock { $0 } }

    func take(_ new: Settings) {
        settings.withLock { $0 = new }
        reload.withLock { $0 = Reload(succeeded: true, lastSuccess: SystemClock().now) }
    }

    func noteFailure() { reload.withLock { $0.succeeded = false } }
}
