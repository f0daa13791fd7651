// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import TLSRPT

/// Holds the policies in force against what the MTA says of its sessions: what comes out is counted.
///
/// - RFC 8460 §4.2: Delivery Summary. Each session counts once.
package final class SessionAccounting: SessionCounter {
    /// How long the sessions of a batch wait for lookups, beyond the time that one policy fetch may take: the log waits
    /// meanwhile, and nothing in it is lost. A policy host that hangs is a failure of the mail that met it.
    package static let lookupMargin = Duration.seconds(15)

    let policies: PolicyCache
    let routes: RouteCache
    let hops: ObservedNextHops
    let mapKeys: ObservedMapKeys
    let gate: Gate?
    private let held: HeldMail?
    private let failing: FailingPolicies
    private let ownReports: OwnReports
    private let clock: any WallClock
    /// Whether the MTA's datagrams are counted, so that a log only adds what they never carry.
    private let countsDatagrams: Bool
    /// Whether the log of the MTA that sends them is read as well.
    private let readsLog: Bool
    private let lookupTimeout: Duration
    /// How many sessions of a domain datagrams have counted as without a policy while nobody knew whether it has one:
    /// their log lines are still to come, and a testing policy may be known by then.
    private let countedUnknown = TTLCache<DomainName, Int>(octets: MemoryBudget.countedUnknown) { domain, _ in
        domain.heldOctets
    }
    /// Longer than a log lags behind.
    private static let logLagsFor = Duration.seconds(3600)

    /// - Parameters:
    ///   - mapKeys: what the policy map was asked; nothing where there is none.
    ///   - gate: knows of hosts what a log does not say, and learns from deliveries; nil where no host was looked at.
    ///   - held: takes note of deliveries that did not come about; nil where nobody asks for them.
    ///   - lookupTimeout: for the lookups of all sessions that are counted at a time; without their answers the sessions
    ///     are counted in doubt.
    package init(
        policies: PolicyCache, routes: RouteCache, hops: ObservedNextHops, mapKeys: ObservedMapKeys, gate: Gate?,
        held: HeldMail? = nil, ownReports: OwnReports, countsDatagrams: Bool, readsLog: Bool, lookupTimeout: Duration,
        clock: any WallClock
    ) {
        self.policies = policies
        self.routes = routes
        self.hops = hops
        self.mapKeys = mapKeys
        self.gate = gate
        self.held = held
        failing = FailingPolicies(policies: policies, clock: clock)
        self.ownReports = ownReports
        self.lookupTimeout = lookupTimeout
        self.countsDatagrams = countsDatagrams
        self.readsLog = readsLog
        self.clock = clock
    }

    /// Lets go of what is remembered no longer.
    package func sweep() {
        countedUnknown.sweep(at: clock.now)
        failing.sweep()
    }

    // MARK: Sessions of a log

    package func counts(of sessions: [ObservedSession]) async -> [SessionCount] { await account(for: sessions).counts }

    /// What sessions of a log add to reports, and which add nothing.
    package func account(for sessions: [ObservedSession]) async -> AccountedSessions {
        var accounted = AccountedSessions()
        let others = await ownReports.excludingOwnReports(sessions)
        accounted.leave(.ownReport, sessions.count - others.count)
        let deadline = ContinuousClock.now + lookupTimeout
        let findings = await findings(of: others, until: deadline)
        let sessions = await named(others, findings, until: deadline)
        let ways = await ways(of: sessions, findings, until: deadline)
        // Whoever made the lookups before take long must not take DANE out of the count.
        let dane = await tlsaPolicies(
            of: Set(zip(sessions, ways).compactMap(placeOfDANE)), until: max(deadline, .now + Self.lookupMargin))
        for (session, way) in zip(sessions, ways) {
            switch way {
            case .leftOut(let reason): accounted.leave(reason)
            case .counts(let domain, let hop, let policy): count(session, for: domain, hop, policy, dane, &accounted)
            }
        }
        return accounted
    }

    /// What is known of the domains of sessions for which a host was dialled.
    private func findings(
        of sessions: [ObservedSession], until deadline: ContinuousClock.Instant
    ) async -> [DomainName: DomainFinding?] {
        let dialled = sessions.filter { $0.result != .refusedByMap }
        return await findings(for: Set(dialled.compactMap(\.domain)), until: deadline)
    }

    /// The sessions, those whose host the log does not name in full with the one host of their way that it may be.
    private func named(
        _ sessions: [ObservedSession], _ findings: [DomainName: DomainFinding?],
        until deadline: ContinuousClock.Instant
    ) async -> [ObservedSession] {
        func hop(_ session: ObservedSession) -> NextHop? {
            guard session.host == nil, session.cutHost != nil, let domain = session.domain else { return nil }
            return (findings[domain] ?? nil)?.hop
        }
        let hosts = await hosts(of: Set(sessions.compactMap(hop)), until: deadline)
        return sessions.map { session in
            hop(session).flatMap { hosts[$0] }.map(session.named(from:)) ?? session
        }
    }

    /// For which domains the sessions count, in their order.
    private func ways(
        of sessions: [ObservedSession], _ findings: [DomainName: DomainFinding?],
        until deadline: ContinuousClock.Instant
    ) async -> [SessionWay] {
        let dialled = sessions.filter { $0.result != .refusedByMap }
        func way(_ session: ObservedSession, _ relays: [DomainName: RelayFinding?]) -> SessionWay {
            guard let domain = session.domain else { return .leftOut(.noDomain) }
            // It names the next hop, not the recipient's domain.
            if session.result == .refusedByMap {
                return .counts(for: domain, .mx(of: domain, port: NextHop.smtpPort), .unknown(""))
            }
            guard let finding = findings[domain] ?? nil else { return .leftOut(.otherHost) }
            return SessionWay(of: session, finding, relay: session.host.flatMap { relays[$0] ?? nil })
        }
        // Who is no MX host of the recipient's domain may be one of a next hop that the map was asked for.
        let strangers = dialled.filter { session in
            guard let domain = session.domain, let host = session.host, let finding = findings[domain] ?? nil,
                case .known(let hosts) = finding.hosts
            else { return false }
            return !hosts.contains(host)
        }
        let relays = await relays(to: Set(strangers.compactMap(\.host)), until: deadline)
        return sessions.map { way($0, relays) }
    }

    private func placeOfDANE(_ session: ObservedSession, _ way: SessionWay) -> HostOnWay? {
        guard case .counts(_, let hop, _) = way, let host = session.host, session.result != .refusedByMap else {
            return nil
        }
        let place = HostOnWay(host: host, hop: hop)
        return concernsDANE(place, session) ? place : nil
    }

    private func count(
        _ session: ObservedSession, for domain: DomainName, _ hop: NextHop, _ policy: PolicyLookup,
        _ dane: [HostOnWay: TLSAPolicy?], _ accounted: inout AccountedSessions
    ) {
        if session.result == .refusedByMap {
            guard let refusal = mapKeys.refusal(of: domain, at: session.time) else {
                return accounted.leave(.refusalUnknown)
            }
            return accounted.add([SessionCount.count(of: session, for: domain, refusedFor: refusal)])
        }
        gate?.note(session, via: hop)
        if case .failed = session.result, session.isFresh(at: clock.now) {
            failing.noteFailure(of: domain, under: policy)
        }
        let tlsa = session.host.flatMap { dane[HostOnWay(host: $0, hop: hop)] ?? nil }
        noteHeld(session, for: domain, hop, policy, isDANE: tlsa != nil)
        if session.result == .notWanted { return accounted.leave(.notWanted) }
        // Another MTA sends no datagrams.
        if session.hasDatagram, let own = session.domain, wasCounted(own) { return accounted.leave(.inDatagrams) }
        guard !countsDatagrams || session.source != .postfixLog || isNewsBeside(session, under: policy) else {
            return accounted.leave(.inDatagrams)
        }
        accounted.add(
            SessionCount.counts(
                of: session, for: domain, under: policy,
                seeing: session.host.flatMap { gate?.evidence(of: $0, via: hop) },
                dane: tlsa))
    }

    private func noteHeld(
        _ session: ObservedSession, for domain: DomainName, _ hop: NextHop, _ policy: PolicyLookup, isDANE: Bool
    ) {
        guard let held else { return }
        guard case .failed(let type, let reason) = session.result else { return held.noteDelivery(to: domain) }
        guard isDANE || policy.cached?.policy.mode == .enforce else { return }
        held.note(session, failing: type, reason, for: domain, via: hop, of: isDANE ? .dane : .policy)
    }

    /// Whether a datagram has counted a session of the domain before its policy was known; each is asked for once.
    private func wasCounted(_ domain: DomainName) -> Bool {
        var wasCounted = false
        countedUnknown.change(domain, at: clock.now, keepFor: Self.logLagsFor) { count in
            wasCounted = count != nil
            return count.flatMap { $0 > 1 ? $0 - 1 : nil }
        }
        return wasCounted
    }

    /// Whether no datagram counts the session: there are none of hosts outside a policy, nor of mail that went without
    /// TLS, and those of a testing policy say that there is none.
    private func isNewsBeside(_ session: ObservedSession, under policy: PolicyLookup) -> Bool {
        if session.isOutsidePolicy { return true }
        if session.result == .plaintext { return !session.hasDatagram }
        return policy.isTesting && session.hasDatagram
    }

    /// Why the policy map let a session's delivery not go, as far as it is known.
    package func refusal(of session: ObservedSession) -> MapRefusal? {
        session.domain.flatMap { mapKeys.refusal(of: $0, at: session.time) }
    }

    // MARK: Sessions of datagrams

    /// What a datagram's sessions add to reports.
    ///
    /// They count as the datagram says, with two exceptions. Under a testing policy the log says more, so it counts
    /// instead. And Postfix does not know of a policy that cannot be fetched: where it says that there is none, the
    /// failed fetch is counted.
    /// - Parameter times: how often the datagram came.
    package func counts(reported sessions: [SessionCount], times: Int = 1) -> [SessionCount] {
        sessions.compactMap { session in
            guard case .reported(let policy) = session.policy, policy.type != .known(.tlsa) else { return session }
            let isWithoutPolicy = policy.type == .known(.noPolicyFound)
            let found = policies.cached(session.domain)
            policies.noteUse(of: session.domain, found: found)
            if session.isFailure { failing.noteFailure(of: session.domain, under: found) }
            switch found {
            case .policy(let cached) where cached.policy.mode == .testing:
                // The log names the host, so its line counts instead.
                if readsLog { return nil }
                return isWithoutPolicy ? session.under(.sts(session.domain, cached.policy)) : session
            case .failed(let failure) where isWithoutPolicy:
                let details = FailureDetails(failure.type, reasonCode: failure.text)
                return session.under(.sts(session.domain, nil), failing: details)
            case .unknown, nil:
                noteUnknown(session.domain, times)
                return session
            case .policy, .absent, .failed, .unreadable: return session
            }
        }
    }

    /// Whether what the sessions of a datagram count for is still being looked up.
    package func mustWait(for sessions: [SessionCount]) -> Bool {
        sessions.contains { $0.policy.isReportedAbsent && policies.isLookingUp($0.domain) }
    }

    /// Waits for the lookups in flight, but not for long.
    package func wait(for sessions: [SessionCount]) async {
        let domains = Set(sessions.filter(\.policy.isReportedAbsent).map(\.domain))
        let deadline = ContinuousClock.now + lookupTimeout
        _ = await answers(about: domains, until: deadline) { [policies] in await policies.resolve($0) }
    }

    private func noteUnknown(_ domain: DomainName, _ times: Int) {
        guard readsLog else { return }
        countedUnknown.change(domain, at: clock.now, keepFor: Self.logLagsFor) { ($0 ?? 0) + times }
    }
}

extension PolicyLookup {
    fileprivate var isTesting: Bool {
        if case .policy(let cached) = self { cached.policy.mode == .testing } else { false }
    }
}

extension SessionCount {
    fileprivate func under(_ policy: AppliedPolicy, failing details: FailureDetails? = nil) -> SessionCount {
        let failure = details ?? failure
        return SessionCount(
            day: day, domain: domain, policy: policy, isFailure: failure != nil, details: failure.map { [$0] } ?? [])
    }
}

extension AppliedPolicy {
    /// Whether somebody else reports that there is no policy.
    fileprivate var isReportedAbsent: Bool {
        if case .reported(let policy) = self { policy.type == .known(.noPolicyFound) } else { false }
    }
}
