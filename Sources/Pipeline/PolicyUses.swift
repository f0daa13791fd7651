// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import Synchronization

/// When mail last asked for each policy: only policies in use are worth a refresh.
package final class PolicyUses: Sendable {
    /// A use is noted anew after this time only, so that a busy domain does not change the table with each message.
    private static let grain = Duration.seconds(600)
    /// Domains held; past that new ones are refreshed by their own mail only.
    private static let limit = 1_000_000

    private struct State {
        var uses: [DomainName: UTCTime] = [:]
        var unsaved: [DomainName: UTCTime] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    func note(_ domain: DomainName, at now: UTCTime) {
        state.withLock { state in
            if let last = state.uses[domain], now < last + Self.grain { return }
            guard state.uses.count < Self.limit || state.uses[domain] != nil else { return }
            state.uses[domain] = now
            state.unsaved[domain] = now
        }
    }

    package func load(_ uses: [DomainName: UTCTime]) {
        state.withLock { $0.uses.merge(uses) { max($0, $1) } }
    }

    /// The domains used since `time`; forgets the others.
    func domains(since time: UTCTime) -> [DomainName] {
        state.withLock { state in
            state.uses = state.uses.filter { $0.value >= time }
            return Array(state.uses.keys)
        }
    }

    /// Writes what is new; a use that cannot be written waits for the next time.
    package func save(to store: any UsageStore) async throws {
        let unsaved = state.withLock { state in
            defer { state.unsaved = [:] }
            return state.unsaved
        }
        guard !unsaved.isEmpty else { return }
        do { try await store.save(uses: unsaved) } catch {
            state.withLock { $0.unsaved.merge(unsaved) { max($0, $1) } }
            throw error
        }
    }
}
