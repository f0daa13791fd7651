// SPDX-License-Identifier: Apache-2.0
import Fleet
import Settings

/// What the `fleet` commands do.
package struct FleetCommands: Sendable {
    private let settings: FleetSettings

    /// - Throws: when the settings name no database.
    package init(_ settings: Settings) throws {
        guard let fleet = settings.fleet else {
            throw ReportCommandError.obstacle("there is no fleet: fleet.postgres is not set")
        }
        self.settings = fleet
    }

    /// Makes the tables, or brings them up to date.
    /// - Parameters:
    ///   - server: a connection string for the owner of the database; nil for that of the settings.
    ///   - role: gets what a daemon needs.
    /// - Returns: the version of before, nil if there was none, and that of now.
    package func migrate(as server: FleetServer?, role: String?) async throws -> (from: Int?, to: Int) {
        (try await FleetSchema.migrate(server ?? settings.server, role: role), FleetSchema.version)
    }

    /// What the database knows of the machines and days.
    package func survey() async throws -> FleetSurvey { try await FleetSurvey.read(settings.server) }

    /// Removes a machine that is gone for good.
    /// - Returns: how many machines of that name were removed.
    package func remove(_ name: String) async throws -> Int {
        try await FleetSurvey.remove(name, from: settings.server)
    }
}
