// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency

/// How routes are judged, and how long what was seen of hosts is trusted.
package struct GateSettings: Sendable, Equatable {
    package var enforcement: EnforcementChoice = .auto
    package var hostCheck: HostCheck = .probes
    package var dane: DANEUse = .policy
    /// How long a host that conformed is taken to conform still; nil for what suits the enforcement.
    package var conformingFor: Duration?
    /// How long a host that did not conform is not tried again: short, so that a repaired host gets its mail.
    package var failingFor: Duration = .seconds(60)
    /// How long a host that could not be reached is not tried again.
    package var unreachableFor: Duration = .seconds(60)

    package init() {}

    /// How long what was seen of a host is trusted.
    func lifetime(of seen: HostEvidence) -> Duration {
        switch seen {
        case .conforming: conformingFor ?? enforcement.conformingFor
        case .failing: failingFor
        case .unreachable, .turnedAway, .unresolved: unreachableFor
        }
    }

    fileprivate func question(_ enforcement: Enforcement) -> VerdictQuestion {
        VerdictQuestion(enforcement, hostCheck, dane: dane)
    }
}

extension EnforcementChoice {
    /// How long a host that conformed is taken to conform still. Short where nobody else is there at the delivery, or may
    /// not be there before the time is over.
    fileprivate var conformingFor: Duration {
        switch self {
        case .auto, .milter: .seconds(300)
        case .milterAndPolicyMap: .seconds(2 * 3600)
        }
    }
}

/// Answers the milter: from next hops to a verdict, and what was done with it to what is counted.
package final class Gate: Sendable {
    /// How long a verdict that lets mail go is kept whole: no policy and no host notices.
    private static let verdictStandsFor = Duration.seconds(1)

    let resolver: NextHopResolver
    private let recorder: any Recorder
    let clock: any WallClock
    let settings: Replicated<GateSettings>
    /// Whether the MTA's own words are read, so that only mail held back here is counted here.
    private let mtaTellsSessions: Bool
    /// Whether the policy map guards deliveries to a next hop, as far as the MTA was heard.
    private let mapGuards: @Sendable (NextHop) -> Bool
    /// What single next hops came to in the current second: the same mail for the same domain is one look.
    let judgements = TTLCache<NextHop, Judgement>(octets: MemoryBudget.verdicts) { hop, judgement in
        hop.heldOctets + judgement.heldOctets
    }

    /// Next hops that were judged in the current second, so that a verdict is kept of those that come again.
    private let judged = RecentKeys()

    package init(
        resolver: NextHopResolver, recorder: any Recorder, settings: GateSettings, mtaTellsSessions: Bool = false,
        mapGuards: @escaping @Sendable (NextHop) -> Bool = { _ in false }
    ) {
        self.mapGuards = mapGuards
        self.resolver = resolver
        self.recorder = recorder
        clock = resolver.clock
        self.settings = Replicated(settings)
        self.mtaTellsSessions = mtaTellsSessions
        resolver.hosts.apply(settings)
    }

    /// Takes new settings; what was seen under the same ones stays, but for verdicts, which rest on others' as well.
    package func apply(_ new: GateSettings) {
        judgements.removeAll()
        let isChanged = settings.change { settings in
            defer { settings = new }
            return settings != new
        }
        guard isChanged else { return }
        resolver.hosts.apply(new)
        resolver.history.forgetAll()
    }

    /// Forgets all routes and hosts seen, for new settings or the operator.
    package func forgetHosts() {
        resolver.forgetHosts()
        judgements.removeAll()
    }

    /// Lets go of what is remembered no longer.
    package func sweep() { judgements.sweep(at: clock.now) }

    // MARK: Verdicts

    /// Who enforces policies on the way by these next hops now.
    /// - Parameter isMapAsked: whether the MTA asks the map for these next hops, if it asks at all.
    func enforcement(
        _ settings: GateSettings, for hops: [NextHop], isMapAsked: Bool = true
    ) -> Enforcement {
        guard isMapAsked else { return .milter }
        return switch settings.enforcement {
        case .auto: hops.count == 1 && mapGuards(hops[0]) ? .milterAndPolicyMap : .milter
        case .milter: .milter
        case .milterAndPolicyMap: .milterAndPolicyMap
        }
    }

    /// The verdict if memory alone decides it; asks nobody and waits for nothing.
    /// - Parameter isMapAsked: false for mail of which the MTA asks the map by another name, which guards nothing then;
    ///   likewise below.
    package func cached(_ hops: [NextHop], isMapAsked: Bool = true) -> Judgement? {
        let now = clock.now
        // What is kept for the second is of mail that the map is asked for.
        if isMapAsked, hops.count == 1, let known = judgements.value(for: hops[0], at: now) { return known }
        let settings = settings.value
        let enforcement = enforcement(settings, for: hops, isMapAsked: isMapAsked)
        if hops.count == 1 {
            guard let judgement = cached(hops[0], settings, enforcement, at: now) else { return nil }
            if isMapAsked, judged.note(hops[0].tableHash, at: now) { remember(judgement, of: hops[0], at: now) }
            return judgement
        }
        var judgements: [Judgement] = []
        for hop in hops {
            guard let judgement = cached(hop, settings, enforcement, at: now) else { return nil }
            judgements.append(judgement)
        }
        return combine(judgements, enforcement: enforcement)
    }

    private func cached(
        _ hop: NextHop, _ settings: GateSettings, _ enforcement: Enforcement, at now: UTCTime
    ) -> Judgement? {
        var known = Known(hop)
        guard let verdict = resolver.cached(settings.question(enforcement), at: now, into: &known) else { return nil }
        return known.judgement(verdict, under: enforcement)
    }

    /// Keeps a verdict that lets mail go, for mail that comes again and again, until the second ends; a violation is
    /// looked at each time, so that nothing repaired waits.
    private func remember(_ judgement: Judgement, of hop: NextHop, at now: UTCTime) {
        switch judgement.verdict {
        case .unknown, .unproven, .provenLately, .violating, .testing: return
        case .notJudged, .noPolicy, .modeNone, .conforming: break
        }
        if let policy = judgement.basis.policy, !policy.isLive(at: now + Self.verdictStandsFor) { return }
        judgements.set(judgement, for: hop, at: now, keepFor: Self.verdictStandsFor)
    }

    /// The verdict after looking up what memory lacks; joins lookups in flight.
    package func resolve(_ hops: [NextHop], isMapAsked: Bool = true) async -> Judgement {
        let generation = resolver.history.generation
        let settings = settings.value
        let enforcement = enforcement(settings, for: hops, isMapAsked: isMapAsked)
        let judgements = await withTaskGroup(of: (Int, Judgement).self) { group in
            for (index, hop) in hops.enumerated() {
                group.addTask { (index, await self.resolve(hop, settings, enforcement, in: generation)) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        return combine(judgements.sorted { $0.0 < $1.0 }.map(\.1), enforcement: enforcement)
    }

    private func resolve(
        _ hop: NextHop, _ settings: GateSettings, _ enforcement: Enforcement, in generation: Int
    ) async -> Judgement {
        let resolved = await resolver.resolve(settings.question(enforcement), about: hop, in: generation)
        // Only what was seen in this walk makes history, not what was taken from there.
        if resolved.known.history == nil {
            resolver.history.note(
                resolved.answer, of: hop, under: resolved.known.policy, at: clock.now, in: generation)
        }
        return Judgement(resolved, under: enforcement)
    }

    /// The verdict as memory stands when nobody waits any longer: one bad host seen is enough to decide, and what is
    /// still missing makes it unknown, or unproven where a policy is known.
    package func decideNow(
        _ hops: [NextHop], isMapAsked: Bool = true, because ending: WaitEnding = .late
    ) -> Judgement {
        let settings = settings.value
        let enforcement = enforcement(settings, for: hops, isMapAsked: isMapAsked)
        let judgements = hops.map {
            Judgement(
                resolver.decideNow(settings.question(enforcement), about: $0, because: ending), under: enforcement)
        }
        return combine(judgements, enforcement: enforcement)
    }

    // MARK: Counting

    /// Counts what was done about a recipient, once per message and next hops.
    package func note(_ disposition: Disposition) {
        // What goes on becomes a session of the MTA, which tells of it itself.
        if mtaTellsSessions, !disposition.isHeldBack { return }
        switch disposition.verdict {
        case .notJudged, .noPolicy(nil), .modeNone, .unknown, .unproven, .provenLately: return
        case .conforming: return recorder.recordConforming(disposition.judgement, at: clock.now)
        case .noPolicy, .testing, .violating: break
        }
        guard let outcome = Outcome(time: clock.now, disposition.judgement) else { return }
        recorder.record(outcome)
    }
}
