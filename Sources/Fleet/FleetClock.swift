// SPDX-License-Identifier: Apache-2.0
import Basics

/// The time by the fleet's database, also while it is away. What machines have to agree on goes by it, so that one whose clock
/// is wrong, or is set, neither gives a report up early nor holds one up.
package struct FleetClock: WallClock {
    private let database: FleetDatabase
    private let own: any WallClock

    /// - Parameter own: the machine's clock, which counts until the database has first told its time.
    package init(_ database: FleetDatabase, else own: any WallClock) {
        self.database = database
        self.own = own
    }

    package var now: UTCTime { database.time ?? own.now }
}
