// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import Store
import Synchronization

/// Knows the sessions that carried our own reports: they are not reported on, or each report would bring forth the next.
/// - RFC 8460 §3: Reporting Policy.
final class OwnReports: Sendable {
    /// Days whose reports may still be under way.
    private static let reach: Int64 = 4
    /// Reports may also be sent by a command beside the daemon.
    private static let interval = Duration.seconds(1)

    private struct State {
        var destinations: Set<String> = []
        var at: ContinuousClock.Instant?
    }

    private let store: Store
    private let clock: any WallClock
    private let state = Mutex(State())

    init(store: Store, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// The sessions without those that went to where reports go.
    func left(out sessions: [ObservedSession]) async -> [ObservedSession] {
        let destinations = await destinations()
        guard !destinations.isEmpty else { return sessions }
        return sessions.filter { session in
            session.recipient.map { !destinations.contains("mailto:\($0)") } ?? true
        }
    }

    private func destinations() async -> Set<String> {
        let known = state.withLock { $0 }
        if let at = known.at, ContinuousClock.now - at < Self.interval { return known.destinations }
        // What cannot be read now is as it was.
        guard let read = try? await store.mailDestinations(since: clock.now.day.advanced(by: -Self.reach)) else {
            return known.destinations
        }
        state.withLock { $0 = State(destinations: read, at: .now) }
        return read
    }
}
