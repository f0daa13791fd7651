// SPDX-License-Identifier: Apache-2.0
import Basics
import Fleet
import Logging
import Settings
import Store

/// What the daemon does for the fleet, beside its work as a sender of its own. None of it is waited for by mail.
final class FleetWork: Sendable {
    let database: FleetDatabase
    private let store: Store
    private let clock: any WallClock
    private let logger: Logger

    init(
        _ settings: FleetSettings, host: DomainName, store: Store, clock: any WallClock, logger: Logger
    ) async throws {
        let node = try await store.node().node
        database = try FleetDatabase(
            settings.server, as: FleetMember(node, host: host), clock: clock)
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// Goes on until the task is cancelled.
    func run() async {
        await cancellation()
        database.close()
    }
}

extension FleetMember {
    init(_ node: StoreNode, host: DomainName) {
        self.init(
            node: node.id, machine: MachineIdentity.read(), host: host.ascii, program: Settings.version)
    }
}
