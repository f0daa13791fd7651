// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency

/// Knows where our own reports go by mail.
///
/// The sessions that carried them are not reported on, or each report would bring forth the next; and the mail that
/// carries them is not judged. - RFC 8460 §3: Reporting Policy.
package final class OwnReports: Sendable {
    /// Days whose reports may still be under way.
    private static let reach: Int64 = 4
    /// Between looks at the outbox: reports may also be built by a command beside the daemon.
    package static let interval = Duration.seconds(1)

    private struct State {
        var addresses: Set<String> = []
        /// Of those, the ones that are not in the outbox.
        var shared: Set<String> = []
        var at: ContinuousClock.Instant?
        /// What the addresses were read for.
        var day: UTCDay?
        var newest: Int64?
    }

    private let outbox: any OwnReportDestinations
    private let clock: any WallClock
    private let state = Locked(State())
    /// Where copies of all reports go.
    private let copyAddress = Locked<String?>(nil)

    package init(outbox: any OwnReportDestinations, clock: any WallClock) {
        self.outbox = outbox
        self.clock = clock
    }

    /// Takes note of where copies of all reports go by mail from now on; nil for nowhere.
    package func noteCopies(to mailbox: Mailbox?) { copyAddress.withLock { $0 = mailbox?.description } }

    /// Takes note of where reports go by mail that any of several machines may make and send.
    package func noteShared(_ addresses: Set<String>) {
        state.withLock { state in
            state.shared = addresses
            state.addresses.formUnion(addresses)
        }
    }

    /// Keeps what is known up to date until the task is cancelled.
    package func run() async {
        await every(Self.interval) { await refresh() }
    }

    /// The sessions without those that carried reports to their destinations.
    package func excludingOwnReports(_ sessions: [ObservedSession]) async -> [ObservedSession] {
        let isOld = state.withLock { $0.at.map { ContinuousClock.now - $0 >= Self.interval } ?? true }
        if isOld { await refresh() }
        var addresses = state.withLock { $0.addresses }
        if let copy = copyAddress.withLock({ $0 }) { addresses.insert(copy) }
        guard !addresses.isEmpty else { return sessions }
        return sessions.filter { session in session.recipient.map { !addresses.contains(Self.address(of: $0)) } ?? true
        }
    }

    /// The address as destinations are written: an MTA logs a domain as somebody typed it.
    private static func address(of recipient: String) -> String {
        guard let at = recipient.lastIndex(of: "@"), let domain = try? DomainName(recipient[at...].dropFirst()) else {
            return recipient
        }
        return "\(recipient[..<at])@\(domain)"
    }

    /// Whether a report goes to the address, from memory.
    package func contains(local: String, domain: DomainName) -> Bool {
        let address = "\(local)@\(domain)"
        return copyAddress.withLock { $0 == address } || state.withLock { $0.addresses.contains(address) }
    }

    /// Takes note of a report that is about to go.
    package func expect(_ mailbox: Mailbox) { state.withLock { _ = $0.addresses.insert(mailbox.description) } }

    /// Reads the addresses anew if there are reports that were not there before.
    package func refresh() async {
        let day = clock.now.day
        // What cannot be read now is as it was.
        guard let newest = try? await outbox.newestReport() else { return }
        let isKnown = state.withLock { state in
            state.at = .now
            return state.day == day && state.newest == newest
        }
        guard !isKnown, let read = try? await outbox.mailAddresses(since: day.advanced(by: -Self.reach)) else {
            return
        }
        state.withLock { state in
            state = State(
                addresses: read.union(state.shared), shared: state.shared, at: .now, day: day, newest: newest)
        }
    }
}
