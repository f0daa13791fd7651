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

/// Where the database is: a connection string of libpq that can be read.
package struct FleetServer: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// - Throws: why it cannot be used, and what to write instead.
    package init(_ text: String) throws(PostgresError) {
        let hosts = try PostgresHosts(text)
        guard !hosts.hasPassword else {
            throw PostgresError(
                .settings,
                "it has a password, which who reads the settings would read as well; use passfile=/PATH, or PGPASSWORD")
        }
        self.text = text
    }

    package var description: String { text }
}
