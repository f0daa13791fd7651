// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Milter
import Reporting
import Store
import Synchronization
import TLSRPT

/// Knows where our own reports go: the sessions that carried them are not reported on, or each report would bring forth
/// the next, and the mail that carries them is not judged. - RFC 8460 §3: Reporting Policy.
final class OwnReports: Sendable {
    /// Days whose reports may still be under way.
    private static let reach: Int64 = 4
    /// Between looks at the outbox: reports may also be built by a command beside the daemon.
    static let interval = Duration.seconds(1)

    private struct State {
        var destinations: Set<String> = []
        var at: ContinuousClock.Instant?
        /// What the destinations were read for.
        var day: UTCDay?
        var newest: Int64?
    }

    private let store: Store
    private let clock: any WallClock
    private let state = Mutex(State())

    init(store: Store, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// Keeps what is known up to date until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await refresh()
            try? await Task.sleep(for: Self.interval)
        }
    }

    /// The sessions without those that went to where reports go.
    func left(out sessions: [ObservedSession]) async -> [ObservedSession] {
        let isOld = state.withLock { $0.at.map { ContinuousClock.now - $0 >= Self.interval } ?? true }
        if isOld { await refresh() }
        let destinations = state.withLock { $0.destinations }
        guard !destinations.isEmpty else { return sessions }
        return sessions.filter { session in
            session.recipient.map { !destinations.contains("mailto:\($0)") } ?? true
        }
    }

    /// Whether a report goes to the address, from memory.
    func contains(_ address: EnvelopeAddress) -> Bool {
        guard let domain = address.domain else { return false }
        return state.withLock { $0.destinations.contains("mailto:\(address.local)@\(domain)") }
    }

    /// Takes note of a report that is about to go.
    func expect(_ destination: ReportDestination) {
        guard case .mail = destination else { return }
        state.withLock { _ = $0.destinations.insert(destination.description) }
    }

    /// Reads the destinations anew if there are reports that were not there before.
    func refresh() async {
        let day = clock.now.day
        // What cannot be read now is as it was.
        guard let newest = try? await store.newestReport() else { return }
        let isKnown = state.withLock { state in
            state.at = .now
            return state.day == day && state.newest == newest
        }
        guard !isKnown, let read = try? await store.mailDestinations(since: day.advanced(by: -Self.reach)) else {
            return
        }
        state.withLock { $0 = State(destinations: read, at: .now, day: day, newest: newest) }
    }

    /// The carrier, with note taken of each report before it goes.
    func noting(_ carrier: any ReportCarrier) -> any ReportCarrier { Noting(carrier: carrier, own: self) }

    private struct Noting: ReportCarrier {
        let carrier: any ReportCarrier
        let own: OwnReports

        func carry(
            _ report: CompressedReport, to destination: ReportDestination, commit: @Sendable () async -> Bool
        ) async -> SendResult {
            own.expect(destination)
            return await carrier.carry(report, to: destination, commit: commit)
        }
    }
}
