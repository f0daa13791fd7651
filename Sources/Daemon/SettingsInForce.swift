// SPDX-License-Identifier: Apache-2.0
import Basics
import Settings

/// The settings that a running daemon goes by; a reload exchanges them.
final class SettingsInForce: Sendable {
    private let settings: Locked<Settings>

    init(_ settings: Settings) { self.settings = Locked(settings) }

    var value: Settings {
        get { settings.withLock { $0 } }
        set { settings.withLock { $0 = newValue } }
    }
}
