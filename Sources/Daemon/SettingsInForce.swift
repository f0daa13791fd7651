// SPDX-License-Identifier: Apache-2.0
import Basics
import Settings

/// The settings that a running daemon goes by; a reload exchanges them.
final class SettingsInForce: Sendable {
    /// How the last reload went; a start counts as one.
    struct Reload: Sendable {
        /// Why it took no settings, safe to print; nil if it took them.
        var failure: String?
        var lastSuccess: UTCTime
        /// Keys whose new value waits for a restart, as the last success had them.
        var waiting: [String] = []

        var succeeded: Bool { failure == nil }
    }

    /// Characters of a failure that are told.
    private static let failureLimit = 300

    private let settings: Locked<Settings>
    private let reload: Locked<Reload>

    init(_ settings: Settings) {
        self.settings = Locked(settings)
        reload = Locked(Reload(lastSuccess: SystemClock().now))
    }

    var value: Settings { settings.withLock { $0 } }
    var lastReload: Reload { reload.withLock { $0 } }

    /// - Parameter waiting: keys whose new value only a restart can take.
    func take(_ new: Settings, waiting: [String] = []) {
        settings.withLock { $0 = new }
        reload.withLock { $0 = Reload(lastSuccess: SystemClock().now, waiting: waiting) }
    }

    func noteFailure(_ error: any Error) {
        var text = "\(error)"
        if let problems = (error as? SettingsError)?.problems, let first = problems.first {
            text = "\(first)" + (problems.count > 1 ? " and \(problems.count - 1) more" : "")
        }
        reload.withLock { [text] in $0.failure = printable(text, limit: Self.failureLimit) }
    }
}
