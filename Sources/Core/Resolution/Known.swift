// SPDX-License-Identifier: Apache-2.0
import Basics

/// What is known of one next hop, and how fresh it is.
package struct Known: Sendable {
    package let hop: NextHop
    package var policy: PolicyLookup?
    /// Whether the policy was asked for in this walk. One that cannot be read may just be being fetched.
    package var isPolicyAsked = false
    /// Whether the record was looked at so lately that a violation is acted on.
    package var isPolicyLatest = false
    package var route: RouteLookup?
    /// What was seen of the hosts of the route; nil if nobody has looked, in memory or at the hosts.
    package var evidence: Evidence?
    /// Whether all hosts were asked for in this walk: nothing more can be seen of them now.
    package var areHostsAsked = false
    /// What the DNS says of the TLSA records of all hosts of the route, in their order.
    package var dane: [DANEStatus]?
    /// What became of the route before; nil unless this walk could not tell whether the route keeps its policy.
    package var history: RouteHistory.Entry?
    /// Why the route or its hosts are not known, when nothing more is asked for.
    package var late: Doubt?

    package init(_ hop: NextHop) { self.hop = hop }

    /// The policy if asking cannot make it better.
    var settledPolicy: PolicyLookup? {
        if case .unreadable = policy, !isPolicyAsked { nil } else { policy }
    }

    /// The route; nil if its hosts are wanted and were not kept.
    func route(wantsHosts: Bool) -> RouteLookup? {
        if case .insecure = route, wantsHosts { nil } else { route }
    }

    /// Whether what the question needs first of the hosts is there.
    func has(_ need: Need) -> Bool {
        switch need {
        case .hosts: evidence != nil
        case .dane: dane != nil
        case .policy, .secondLook, .route, .history: true
        }
    }

    /// Puts what stands in place of an answer: time is up, and memory does not have it.
    package mutating func giveUp(_ need: Need, because doubt: Doubt) {
        switch need {
        case .policy:
            policy = policy ?? .unknown("lookup still running")
            isPolicyAsked = true
        case .secondLook: isPolicyLatest = true
        case .history: history = RouteHistory.Entry()
        case .route, .hosts, .dane: late = doubt
        }
    }
}

/// An answer with all that it rests on.
package struct Resolved<Answer: Sendable>: Sendable {
    package let answer: Answer
    package let known: Known
}
