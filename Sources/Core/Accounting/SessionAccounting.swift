// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import TLSRPT

/// Holds the policies in force against what the MTA says of its sessions: what comes out is counted.
///
/// - RFC 8460 §4.2: Delivery Summary. Each session counts once.
package final class SessionAccounting: SessionCounter {
    /// How long all sessions of a batch wait for lookups: the log waits meanwhile, and nothing in it is lost.
    package static let lookupTimeout = Duration.seconds(10)

    private let policies: PolicyCache
    private let routes: RouteCache
    private let hops: ObservedNextHops
    private let gate: Gate?
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
    ///   - gate: knows of hosts what a log does not say, and learns from deliveries; nil where no host was looked at.
    ///   - lookupTimeout: for the lookups of all sessions that are counted at a time; without their answers the sessions
    ///     are counted in doubt.
    package init(
        policies: PolicyCache, routes: RouteCache, hops: ObservedNextHops, gate: Gate?, ownReports: OwnReports,
        countsDatagrams: Bool, readsLog: Bool, lookupTimeout: Duration = lookupTimeout, clock: any WallClock
    ) {
        self.policies = policies
        self.routes = routes
        self.hops = hops
        self.gate = gate
        self.ownReports = ownReports
        self.lookupTimeout = lookupTimeout
        self.countsDatagrams = countsDatagrams
        self.readsLog = readsLog
        self.clock = clock
    }

    /// Lets go of what is remembered no longer.
    package func sweep() { countedUnknown.sweep(at: clock.now) }

    // MARK: Sessions of a log

    /// What sessions of a log add to reports.
    package func counts(of sessions: [ObservedSession]) async -> [SessionCount] {
        let sessions = await ownReports.excludingOwnReports(sessions)
        let findings = await findings(for: Set(sessions.compactMap(\.domain)))
        var counts: [SessionCount] = []
        for session in sessions {
            guard let domain = session.domain, let found = findings[domain] ?? nil,
                let place = found.place(of: session)
            else { continue }
            gate?.note(session, via: place.hop)
            if session.hasDatagram, wasCounted(domain) { continue }
            // Another MTA sends no datagrams.
            guard !countsDatagrams || session.source != .postfixLog || isNewsBeside(session, under: place.policy)
            else { continue }
            counts += SessionCount.counts(
                of: session, for: place.domain, under: place.policy,
                seeing: session.host.flatMap { gate?.evidence(of: $0, via: place.hop) })
        }
        return counts
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

    /// What is known of the domains before the timeout; nil for one whose mail takes a way that is not its own.
    private func findings(for domains: Set<DomainName>) async -> [DomainName: DomainFinding?] {
        let (answers, continuation) = AsyncStream<(DomainName, DomainFinding?)?>.makeStream()
        // Tasks of their own: lookups go on for the next batch when this one stops waiting.
        for domain in domains { Task { continuation.yield((domain, await finding(for: domain))) } }
        let timer = Task { [lookupTimeout] in
            try? await Task.sleep(for: lookupTimeout)
            continuation.yield(nil)
        }
        defer { timer.cancel() }
        var findings: [DomainName: DomainFinding?] = [:]
        if !domains.isEmpty {
            for await answer in answers {
                guard let (domain, finding) = answer else { break }
                findings.updateValue(finding, forKey: domain)
                if findings.count == domains.count { break }
            }
        }
        for domain in domains where findings[domain] == nil {
            // In doubt a session is counted: mail went there, so its domain's records were there to be found.
            findings[domain] = DomainFinding(
                domain: domain, hop: .mx(of: domain, port: NextHop.smtpPort),
                policy: policies.cached(domain) ?? .unknown("lookup still running"), hosts: nil)
        }
        return findings
    }

    private func finding(for domain: DomainName) async -> DomainFinding? {
        let own = NextHop.mx(of: domain, port: NextHop.smtpPort)
        if let known = hops.hops(of: domain), known != [own] {
            // A list of relays does not say which of them took the mail.
            guard known.count == 1, let hop = known.first, let other = hop.policyDomain else { return nil }
            return DomainFinding(domain: other, hop: hop, policy: await policies.resolve(other), hosts: nil)
        }
        let policy = await policies.resolve(domain)
        if hops.hops(of: domain) != nil { return DomainFinding(domain: domain, hop: own, policy: policy, hosts: nil) }
        var hosts: Set<DomainName>?
        if let route = await routes.resolve(own).found {
            hosts = Set(route.candidates.map(\.name) + route.unprobed)
        }
        return DomainFinding(domain: domain, hop: own, policy: policy, hosts: hosts)
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
            switch found {
            case .policy(let cached) where cached.policy.mode == .testing:
                // The log names the host, so its line counts instead.
                if readsLog { return nil }
                return isWithoutPolicy ? session.under(.sts(session.domain, cached.policy)) : session
            case .failed(let failure) where isWithoutPolicy:
                let details = FailureDetails(failure.type, reasonCode: failure.text)
                return session.under(.sts(session.domain, nil), failing: [details])
            case .unknown, nil:
                noteUnknown(session.domain, times)
                return session
            case .policy, .absent, .failed, .unreadable: return session
            }
        }
    }

    private func noteUnknown(_ domain: DomainName, _ times: Int) {
        guard readsLog else { return }
        countedUnknown.change(domain, at: clock.now, keepFor: Self.logLagsFor) { ($0 ?? 0) + times }
    }
}

/// What is known of a recipient domain when its sessions are counted.
private struct DomainFinding: Sendable {
    let domain: DomainName
    let hop: NextHop
    let policy: PolicyLookup
    /// The MX hosts, where nobody said that the domain's mail goes by them; nil if that is known or cannot be.
    let hosts: Set<DomainName>?

    /// For which domain the session counts; nil if the mail took a way that is not the domain's own.
    func place(of session: ObservedSession) -> DomainFinding? {
        // A content filter, or a relay: mail goes to another port before it goes its way.
        if session.isDialledByAddress || !hop.isOn(session.port) { return nil }
        guard let hosts, let host = session.host, !hosts.contains(host) else { return self }
        // Postfix itself says that an MX record named the host.
        return session.isOutsidePolicy || session.hasDatagram ? self : nil
    }
}

extension NextHop {
    /// Whether the next hop is dialled at the port; nil is any.
    fileprivate func isOn(_ port: UInt16?) -> Bool {
        switch self {
        case .mx(_, let own), .host(_, let own), .address(_, let own): port == nil || port == own
        }
    }
}

extension PolicyLookup {
    fileprivate var isTesting: Bool {
        if case .policy(let cached) = self { cached.policy.mode == .testing } else { false }
    }
}

extension SessionCount {
    fileprivate func under(_ policy: AppliedPolicy, failing details: Set<FailureDetails> = []) -> SessionCount {
        SessionCount(
            day: day, domain: domain, policy: policy, isFailure: isFailure || !details.isEmpty,
            details: details.isEmpty ? self.details : details)
    }
}
