// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Logging
import Settings

/// What the last look at a domain of the operator's own has found.
struct OwnDomain: Sendable, Hashable {
    let domain: DomainName
    let seenAt: UTCTime
    /// What has to be mended.
    let troubles: [OwnTrouble]
    /// Of the certificate that ends first; nil if none was seen.
    let daysLeft: Int64?
}

/// Looks at the operator's own domains each day, as others see them, and says what is wrong: `watch`.
final class OwnDomainWatch: Sendable {
    /// Between two looks at a domain that is in order.
    private static let interval = Duration.seconds(86_400)
    /// Between two looks at one that is not, so that what was mended is soon known.
    private static let troubledInterval = Duration.seconds(3600)
    /// Trouble that stays is said again after this time.
    private static let saidFor = Duration.seconds(86_400)
    /// Between looks whether one is due.
    private static let tick = Duration.seconds(10)

    private struct State {
        var domains: [DomainName] = []
        var seen: [DomainName: OwnDomain] = [:]
        /// When the trouble of now was last said.
        var saidAt: [DomainName: UTCTime] = [:]
    }

    private let examine: @Sendable (DomainName) async -> Examination
    private let clock: any WallClock
    private let logger: Logger
    private let state = Locked(State())

    /// - Parameter examine: looks at a domain, without what the daemon remembers.
    init(
        _ domains: [DomainName], clock: any WallClock, logger: Logger,
        examine: @escaping @Sendable (DomainName) async -> Examination
    ) {
        self.examine = examine
        self.clock = clock
        self.logger = logger
        apply(domains)
    }

    /// Takes other domains; what was seen of those that stay stays.
    func apply(_ domains: [DomainName]) {
        state.withLock { state in
            let wanted = Set(domains)
            state.domains = domains
            state.seen = state.seen.filter { wanted.contains($0.key) }
            state.saidAt = state.saidAt.filter { wanted.contains($0.key) }
        }
    }

    /// What is known of the domains, in the order of the settings; one that was not looked at yet is missing.
    var seen: [OwnDomain] { state.withLock { state in state.domains.compactMap { state.seen[$0] } } }

    /// Looks until the task is cancelled.
    func run() async {
        // One domain after the other: nobody waits.
        let work = Task { await every(Self.tick) { await self.lookAtDue() } }
        await untilCancelled()
        // Not waited for: a host that keeps silent must not hold up the stop, and ends with the network.
        work.cancel()
    }

    /// Looks at the domains that are due.
    func lookAtDue() async {
        for domain in due(at: clock.now) where !Task.isCancelled {
            let examination = await examine(domain)
            // What a stop has cut off says nothing.
            guard !Task.isCancelled else { return }
            let now = clock.now
            note(
                OwnDomain(
                    domain: domain, seenAt: now, troubles: examination.troubles(at: now),
                    daysLeft: examination.daysUntilFirstEnd(at: now)))
        }
    }

    private func due(at now: UTCTime) -> [DomainName] {
        state.withLock { state in
            state.domains.filter { domain in
                guard let seen = state.seen[domain] else { return true }
                // A clock that was set back must not put it off.
                let interval = seen.troubles.isEmpty ? Self.interval : Self.troubledInterval
                return now < seen.seenAt || seen.seenAt + interval <= now
            }
        }
    }

    private func note(_ found: OwnDomain) {
        let (before, saysAgain): (OwnDomain?, Bool) = state.withLock { state in
            // A reload may have taken it from the list meanwhile.
            guard state.domains.contains(found.domain) else { return (found, false) }
            let before = state.seen.updateValue(found, forKey: found.domain)
            let isNews = before?.troubles != found.troubles
            let isLongAgo = state.saidAt[found.domain].map { $0 + Self.saidFor <= found.seenAt } ?? true
            guard isNews || isLongAgo else { return (before, false) }
            state.saidAt[found.domain] = found.seenAt
            return (before, true)
        }
        guard saysAgain else { return }
        for trouble in found.troubles {
            logger.warning(
                "a domain of your own has trouble", metadata: ["domain": "\(found.domain)", "cause": "\(trouble.text)"])
        }
        if found.troubles.isEmpty, before?.troubles.isEmpty == false {
            logger.notice("a domain of your own is in order again", metadata: ["domain": "\(found.domain)"])
        }
    }

    /// What an administrator looks at: a line a domain, and one for each trouble.
    var status: [String] {
        let (domains, seen) = state.withLock { ($0.domains, $0.seen) }
        return domains.flatMap { domain -> [String] in
            guard let found = seen[domain] else { return ["own domain \(domain): not looked at yet"] }
            guard found.troubles.isEmpty else {
                return found.troubles.map { "own domain \(domain): \($0.text)" }
            }
            let certificates = found.daysLeft.map { ", certificates for \($0) days" } ?? ""
            return ["own domain \(domain): in order at \(found.seenAt)\(certificates)"]
        }
    }
}
