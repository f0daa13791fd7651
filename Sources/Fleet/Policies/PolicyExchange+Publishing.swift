// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import Logging
import PostgreSQL

/// What this machine has fetched or forgotten, written to the database for the others.
extension PolicyExchange {
    /// How long another machine takes to write.
    private static let conflictPause = Duration.milliseconds(30)

    /// Has those published that an earlier process could not.
    func restoreForgotten() async {
        do {
            guard let kept = try await forgotten?.forgottenPolicies(), !kept.isEmpty else { return }
            enqueue { $0.putBack(PolicyOutbox.Piece(forgotten: kept)) }
        } catch {
            logger.warning("which policies were forgotten cannot be read", metadata: ["cause": "\(error)"])
        }
    }

    func enqueue(_ change: (inout PolicyOutbox) -> Void) {
        state.withLock { change(&$0.outbox) }
        publishSignal.wake()
    }

    func publishLoop() async {
        var backoff = Backoff(first: .milliseconds(200), longest: .seconds(30))
        while !Task.isCancelled {
            let piece = state.withLock { $0.outbox.take() }
            guard !piece.isEmpty else {
                await publishSignal.rest(for: .seconds(3600))
                continue
            }
            do throws(FleetError) {
                let count = try await publish(piece, within: limits.background)
                state.withLock { $0.counts.offered += count }
                backoff.reset()
            } catch {
                state.withLock { $0.outbox.putBack(piece) }
                if error.isConflict {
                    try? await Task.sleep(for: Self.conflictPause * Double.random(in: 0.5...2))
                } else {
                    noteFailure(error)
                    await backoff.wait()
                }
            }
        }
    }

    /// - Returns: how many of its policies are newer than what was there.
    func publish(_ piece: PolicyOutbox.Piece, within limit: Duration) async throws(FleetError) -> Int {
        let count = try await connection.perform(within: limit) { [node] session throws(PostgresError) in
            var count = 0
            if !piece.policies.isEmpty || !piece.forgotten.isEmpty {
                count = try session.transaction { session throws(PostgresError) in
                    try session.lockPolicies()
                    try session.forget(piece.forgotten, by: node)
                    let count = try session.put(piece.policies, by: node)
                    try session.notifyOfPolicies()
                    return count
                }
            }
            // After the rows: whoever gets the claim next finds them.
            let done = piece.released + piece.policies.map(\.domain)
            if !done.isEmpty { try session.release(done, as: node) }
            return count
        }
        // What stays is published once more, which changes nothing.
        if !piece.forgotten.isEmpty { try? await forgotten?.dropForgotten(piece.forgotten) }
        return count
    }
}
