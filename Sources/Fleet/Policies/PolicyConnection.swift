// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL

/// A connection for policies alone: lookups wait for its answers, and must not do so behind a day's counts. It needs the
/// tables, and no identity that is this machine's alone: two machines that fetch under one name do no harm.
final class PolicyConnection: Sendable {
    typealias Work<Value> = @Sendable (PostgresSession) throws(PostgresError) -> Value

    /// On which machines tell each other that rows of policies have changed: a hint, since a notice is lost when a connection is.
    static let channel = "sts_policy"

    private struct State {
        var isAdmitted = false
        var onChange: (@Sendable (_ isNew: Bool) -> Void)?
    }

    private let state: Locked<State>
    private let connection: PostgresConnection

    init(_ server: FleetServer) throws(PostgresError) {
        let state = Locked(State())
        self.state = state
        connection = try PostgresConnection(server.text, channels: [Self.channel]) { event in
            switch event {
            case .connected:
                state.withLock { state in
                    state.isAdmitted = false
                    return state.onChange
                }?(true)
            case .lost: state.withLock { $0.isAdmitted = false }
            case .notice: state.withLock { $0.onChange }?(false)
            }
        }
    }

    func close() { connection.close() }

    /// - Parameter handler: is called when something has changed, or may have before this connection; must not wait.
    func onChange(_ handler: @escaping @Sendable (_ isNewConnection: Bool) -> Void) {
        state.withLock { $0.onChange = handler }
    }

    func perform<Value: Sendable>(
        within limit: Duration, _ work: @escaping Work<Value>
    ) async throws(FleetError) -> Value {
        let result: Result<Value, FleetError>
        do throws(PostgresError) {
            result = try await connection.perform(within: limit) { [state] session throws(PostgresError) in
                if !state.withLock({ $0.isAdmitted }) {
                    if let refusal = try FleetSchema.refusal(session) { return .failure(refusal) }
                    state.withLock { $0.isAdmitted = true }
                }
                return .success(try work(session))
            }
        } catch {
            throw .database(error)
        }
        return try result.get()
    }
}
