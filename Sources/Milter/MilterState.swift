// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import Synchronization

/// What all connections share.
final class MilterState: Sendable {
    /// Settings in a box, so that a message takes them with one reference.
    final class Settings: Sendable {
        let value: MilterSettings
        init(_ value: MilterSettings) { self.value = value }
    }

    let judge: any RecipientJudge
    let logger: Logger
    let lookups = BlockingLookups()
    /// Callbacks under way.
    let callbacks = Atomic(0)
    /// Connections whose state is alive.
    let sessions = Atomic(0)
    private let current: Locked<Settings>

    init(settings: MilterSettings, judge: any RecipientJudge, logger: Logger) {
        self.judge = judge
        self.logger = logger
        current = Locked(Settings(settings))
    }

    var settings: Settings { current.withLock { $0 } }

    func apply(_ settings: MilterSettings) { current.withLock { $0 = Settings(settings) } }
}
