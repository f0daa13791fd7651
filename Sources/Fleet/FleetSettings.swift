// SPDX-License-Identifier: Apache-2.0
import PostgreSQL

/// How this machine takes part in the fleet.
package struct FleetSettings: Sendable, Hashable {
    /// The database.
    package var server: FleetServer
    /// How long after the end of a day its reports wait for machines that have not yet sent all that they counted.
    package var wait = Self.usualWait

    package static let usualWait = Duration.seconds(6 * 3600)

    package init(server: FleetServer) { self.server = server }
}
