// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging

/// What a follower needs of the rest of the daemon.
package struct IntakePort: Sendable {
    let ledger: any IntakeLedger
    let clock: any WallClock
    let logger: Logger
    let trouble: SourceStatus
    /// What the sessions count under the policies that were in force.
    let count: @Sendable ([ObservedSession]) async -> [SessionCount]

    package init(
        ledger: any IntakeLedger, clock: any WallClock, logger: Logger, trouble: SourceStatus = SourceStatus(),
        count: @escaping @Sendable ([ObservedSession]) async -> [SessionCount]
    ) {
        self.ledger = ledger
        self.clock = clock
        self.logger = logger
        self.trouble = trouble
        self.count = count
    }
}
