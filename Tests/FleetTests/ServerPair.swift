// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit
import PostgreSQL
import TestKit
@testable import Fleet

/// A primary and its standby.
final class ServerPair: Sendable {
    private struct State {
        var servers: [PostgresServer]
        /// Which of them is written to.
        var primary = 0
        var lost = 0
    }

    let addresses: [String]
    private let state: Locked<State>
    /// Has the file of the password, also when it serves no more.
    let first: PostgresServer

    init(_ addresses: [String]) throws {
        self.addresses = addresses
        first = try PostgresServer(address: addresses[0])
        let second = try PostgresServer(following: first, address: addresses[1])
        state = Locked(State(servers: [first, second]))
    }

    var primary: PostgresServer { state.withLock { $0.servers[$0.primary] } }
    private var standby: PostgresServer { state.withLock { $0.servers[1 - $0.primary] } }
    /// Promotions of a standby that lacked something.
    var losses: Int { state.withLock { $0.lost } }

    func stop() { for server in state.withLock({ $0.servers }) { server.kill() } }

    /// Waits until the standby has all that was written.
    func catchUp() async throws {
        let written = try primary.query("SELECT pg_current_wal_lsn()")
        let standby = standby
        try await Wait.until("the standby has it", within: FleetLab.limit) {
            try standby.query("SELECT pg_last_wal_replay_lsn() >= '\(written)'") == "t"
        }
    }

    /// The primary is gone, and the standby takes its place with what it has.
    func failOver() throws {
        let (old, new) = (primary, standby)
        let written = try old.query("SELECT pg_current_wal_lsn()")
        old.kill()
        let hasAll = try new.query("SELECT pg_last_wal_replay_lsn() >= '\(written)'") == "t"
        try new.promote()
        let standby = try PostgresServer(following: new, address: old.address)
        state.withLock { state in
            state.servers[state.primary] = standby
            state.primary = 1 - state.primary
            if !hasAll { state.lost += 1 }
        }
    }
}
