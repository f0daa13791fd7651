// SPDX-License-Identifier: Apache-2.0
import Basics
import Fleet
import Logging
import Settings
import Store

extension PolicyExchange {
    /// Nil where the machine is a sender of its own. Nothing is connected yet.
    convenience init?(_ settings: Settings, store: Store, clock: any WallClock, logger: Logger) async throws {
        guard let fleet = settings.fleet else { return nil }
        try self.init(
            fleet.server, node: try await store.node().node.id, forgotten: store, clock: clock, logger: logger)
    }
}
