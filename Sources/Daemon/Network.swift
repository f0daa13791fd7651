// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import Settings

/// The network as the core and the reports see it. A reload exchanges the adapters behind it.
///
/// A question is answered by the adapters that it was put to, however long it takes. Replaced adapters end with their
/// last question: their threads stop when nobody holds them any more.
final class Network: Sendable {
    /// Between tests whether a resolver that cannot do DNSSEC has learned it.
    private static let dnssecInterval = Duration.seconds(3600)

    /// Adapters, and what they were made from.
    private struct Generation: Sendable {
        let adapters: NetworkAdapters
        let settings: Settings
        let files: NetworkFiles
        var dnssec: DNSSECUse
        /// When DNSSEC was tried.
        var triedAt = ContinuousClock.now
        /// Counts the exchanges.
        var number = 0

        /// - Parameter files: as they were before the adapters read them: what changes in between counts as changed.
        init(_ settings: Settings, _ files: NetworkFiles, _ counts: NetworkCounts) async throws {
            (adapters, dnssec) = try await NetworkAdapters.adapted(to: settings, counting: counts.dns)
            self.settings = settings
            self.files = files
        }
    }

    private struct State {
        var current: Generation
        var isShutDown = false
    }

    /// What a reload changed.
    enum Change {
        case nothing
        /// How reports are signed and sent, and nothing else.
        case reports
        /// What names, routes, policies and hosts are looked at with: what was seen of them could look otherwise now.
        case lookups
    }

    private let state: Locked<State>
    /// What came of the questions.
    let counts: NetworkCounts

    /// Makes adapters; waits for some seconds to hear whether the resolver can do DNSSEC.
    init(_ settings: Settings) async throws {
        let counts = NetworkCounts()
        self.counts = counts
        state = Locked(State(current: try await Generation(settings, NetworkFiles(settings), counts)))
    }

    /// The adapters of now.
    var adapters: NetworkAdapters { state.withLock { $0.current.adapters } }
    /// What becomes of DNSSEC with them.
    var dnssec: DNSSECUse { state.withLock { $0.current.dnssec } }

    /// Which resolver answers nothing, and for how long, as far as that was tried; nil while it answers.
    var silence: (resolver: String, time: Duration)? {
        let current = state.withLock { $0.current }
        return current.adapters.resolver.silence.map { (current.settings.dns.resolverName, $0) }
    }

    /// Tries a resolver again that answered nothing: nobody may ask for long.
    func lookAtResolver() async {
        let resolver = adapters.resolver
        if resolver.silence != nil { await resolver.localFailure() }
    }

    /// Tells of what the administrator did not ask for.
    func warn(_ logger: Logger) {
        dnssec.warn(logger)
        for warning in adapters.courier.warnings { logger.warning("\(warning)") }
    }

    /// Makes new adapters where settings or files ask for it; the old ones stay when this throws.
    /// - Throws: `CancellationError` if the task was cancelled before anything was taken, or the network is shut down.
    func renew(for new: Settings) async throws -> Change {
        let old = state.withLock { $0.current }
        let files = NetworkFiles(new)
        let seesOtherwise = new.asksNetworkOtherwise(than: old.settings) || files.ofLookups != old.files.ofLookups
        let sendsOtherwise =
            new.reports.courier != old.settings.reports.courier || files.ofReports != old.files.ofReports
        guard seesOtherwise || sendsOtherwise else { return .nothing }
        let made = try await Generation(new, files, counts)
        guard !Task.isCancelled, exchange(for: made) else { throw CancellationError() }
        return seesOtherwise ? .lookups : .reports
    }

    /// Tries DNSSEC anew, now and then, where the resolver could not do it or has not answered: it may learn it, be
    /// replaced by one that does, or answer at last.
    /// - Returns: whether other adapters are in force.
    func retryDNSSEC() async -> Bool {
        let old = state.withLock { $0.current }
        switch old.dnssec {
        case .validated, .unwanted, .withoutAnchor: return false
        case .stripped where ContinuousClock.now < old.triedAt + Self.dnssecInterval: return false
        case .stripped, .untested: break
        }
        guard let made = try? await Generation(old.settings, NetworkFiles(old.settings), counts) else { return false }
        switch (old.dnssec, made.dnssec) {
        case (.stripped, .stripped), (.untested, .untested):
            state.withLock { state in
                guard state.current.number == old.number else { return }
                (state.current.dnssec, state.current.triedAt) = (made.dnssec, made.triedAt)
            }
            return false
        default:
            // A reload that came meanwhile knows better.
            return exchange(for: made, ifStill: old.number)
        }
    }

    /// Ends the questions under way, and every later one.
    func shutdown() {
        let adapters = state.withLock { state in
            state.isShutDown = true
            return state.current.adapters
        }
        adapters.shutdown()
    }

    /// Puts new adapters in place of those there are.
    /// - Parameter number: takes the new ones only if these are still in force; nil takes them in any case.
    /// - Returns: whether they are in place.
    private func exchange(for new: Generation, ifStill number: Int? = nil) -> Bool {
        state.withLock { state in
            guard !state.isShutDown, number ?? state.current.number == state.current.number else { return false }
            let next = state.current.number + 1
            state.current = new
            state.current.number = next
            return true
        }
    }

    /// Puts one question to the adapters of now, and holds them until it is answered.
    func ask<Answer, Failure: Error>(
        _ question: (NetworkAdapters) async throws(Failure) -> Answer
    ) async throws(Failure) -> Answer {
        let adapters = adapters
        defer { withExtendedLifetime(adapters) {} }
        return try await question(adapters)
    }
}

extension Settings {
    fileprivate func asksNetworkOtherwise(than old: Settings) -> Bool {
        dns != old.dns || dnsTimeout != old.dnsTimeout || discovery != old.discovery || probe != old.probe
            || caFile != old.caFile
    }
}
