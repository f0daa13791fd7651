// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL

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

    /// Does the work of a command, which is no member of the fleet, on a connection of its own.
    func perform<Value: Sendable>(
        within limit: Duration, _ work: @escaping @Sendable (PostgresSession) throws(PostgresError) -> Value
    ) async throws(FleetError) -> Value {
        let result: Result<Value, FleetError>
        do throws(PostgresError) {
            let connection = try PostgresConnection(text)
            defer { connection.close() }
            result = try await connection.perform(within: limit) { session throws(PostgresError) in
                if let refusal = try FleetSchema.refusal(session) { return .failure(refusal) }
                return .success(try work(session))
            }
        } catch {
            throw .database(error)
        }
        return try result.get()
    }
}
