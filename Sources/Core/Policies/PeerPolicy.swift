// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// What becomes of a policy that another machine says it has fetched.
package enum PeerPolicyFate: Sendable, Hashable, CaseIterable {
    /// It counts as if it had been fetched here, at the time at which it was fetched there.
    case taken
    /// It tells nothing new, or nothing that may be believed without a look of our own, and nothing depends on it.
    case leftAlone
    /// It is not what we hold: we fetch ourselves, and until then nothing changes.
    case fetchedFirst
    /// It cannot be.
    case refused
}

/// What this machine holds of a domain, before another one's policy comes.
package enum HeldPolicy: Sendable, Hashable {
    /// A policy that ended is held as well.
    case nothing
    case policy(CachedPolicy)
    /// A stored policy that enforces and cannot be read.
    case unreadable
}

/// Judges policies of other machines. Whoever writes to what the machines share must not be able to weaken, end or replace
/// an unexpired policy that this machine holds: all that is taken over one is a longer life of the same rules.
///
/// Where nothing is held, other machines are believed as long as they protect mail: `none` would keep this machine from
/// looking, so it looks itself.
/// - RFC 8461 §5.1: Policy Application Control Flow.
package enum PeerPolicy {
    /// How far the clock of another machine may be ahead of ours.
    static let clockTolerance = Duration.seconds(300)
    /// A policy that was fetched so lately is not fetched again on another machine's word, however often that comes.
    static let settled = Duration.seconds(600)

    package static func fate(of offered: CachedPolicy, holding held: HeldPolicy, at now: UTCTime) -> PeerPolicyFate {
        guard offered.fetchedAt <= now + clockTolerance, STSRecord.isID(offered.id) else { return .refused }
        guard offered.isLive(at: now) else { return .leftAlone }
        switch held {
        case .unreadable: return .fetchedFirst
        case .policy(let held) where held.isLive(at: now): return fate(of: offered, over: held, at: now)
        case .nothing, .policy: return offered.policy.mode == .none ? .leftAlone : .taken
        }
    }

    private static func fate(of offered: CachedPolicy, over held: CachedPolicy, at now: UTCTime) -> PeerPolicyFate {
        guard offered.fetchedAt > held.fetchedAt else { return .leftAlone }
        let isWeaker = offered.policy.mode.strength < held.policy.mode.strength || offered.expiresAt < held.expiresAt
        // More hosts could let mail go to an attacker's, fewer could hold it back. What is published under another id is for
        // this machine to see: under it the old rules could be offered, so that the new ones are never fetched.
        let isOther = Set(offered.policy.mx) != Set(held.policy.mx) || offered.id != held.id
        if !isWeaker, !isOther, offered.policy.mode != .none { return .taken }
        // What stays none protects nothing that could be lost, and is fetched when it is due.
        if held.policy.mode == .none, offered.policy.mode == .none { return .leftAlone }
        return now < held.fetchedAt + settled ? .leftAlone : .fetchedFirst
    }
}

extension Policy.Mode {
    fileprivate var strength: Int {
        switch self {
        case .enforce: 2
        case .testing: 1
        case .none: 0
        }
    }
}
