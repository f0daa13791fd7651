// SPDX-License-Identifier: Apache-2.0
import Basics

// From a next hop to an answer.
//
// The milter, the policy map and `check` each put a question about a next hop. One order answers all of them: the
// policy, then the route, then the hosts, then the decision. `next` is that order and nothing else. It is pure: it
// takes what is known, and says the answer or what has to be known first. So no two of the three can disagree.
//
// - `Question`: `VerdictQuestion` (milter, `check`) is answered by a verdict, `MapQuestion` by an answer of the map.
// - `Known`: what is known of one next hop, and how fresh it is. An answer comes with it.
// - `NextHopResolver` walks: `cached` with what memory holds, `resolve` by asking for what is needed, `decideNow` with memory
//   and the operator's defaults when time is up.
// - Its memory: `PolicyCache`, `RouteCache`, `HostEvidenceCache` (probes), `DANECache` (TLSA records), and
//   `RouteHistory` (routes that kept or broke their policy).
// - `Gate` and `PolicyMapResolver` put the questions for the milter and the map, and keep their answers for a second.
//   `Gate` also combines the verdicts of several next hops, and counts what was done.

/// What comes next: the answer, or what has to be known first.
package enum Step<Answer: Sendable>: Sendable {
    case answer(Answer)
    case need(Need)
}

extension Step: Equatable where Answer: Equatable {}

/// What has to be known before the question can be answered.
package enum Need: Sendable, Hashable {
    /// The policy of the next hop's domain, looked up if memory does not have it.
    case policy
    /// The policy and the route anew, because a violation was seen. Whoever looks notes the violation first.
    /// - RFC 8461 §5.1: step 3, check for a new policy before a delivery fails.
    case secondLook(Violation)
    /// The route. The hosts of one that DNSSEC does not vouch for may be left out where nobody wants them.
    case route(wantsHosts: Bool)
    /// What probes see of the hosts of the route.
    case hosts
    /// What the DNS says of the TLSA records of the hosts of the route.
    case dane
    /// Whether the route kept or broke its policy before.
    case history
}

/// What is asked about a next hop: the rules that differ from one asker to the other.
package protocol Question: Sendable {
    associatedtype Answer: Sendable

    /// Whether a policy may apply to the next hop.
    func concerns(_ hop: NextHop, of domain: DomainName) -> Bool
    /// The answer about a next hop that no policy can apply to.
    var answerWithoutPolicy: Answer { get }
    /// The answer where the policy alone decides; nil where the route matters.
    func answer(under policy: PolicyLookup) -> Answer?
    /// Whether TLSA records may decide whatever the policy says. Then they are looked up while the policy still is: a
    /// policy host that keeps silent must not keep them from being known in time.
    var wantsDANEBesidePolicy: Bool { get }
    /// Whether the hosts of a route matter that DNSSEC does not vouch for.
    func wantsHosts(under policy: PolicyLookup) -> Bool
    /// What must be known of the hosts before anything is decided; nil for nothing.
    func need(of route: Route, under policy: PolicyLookup) -> Need?
    /// Decides by all that is known, or names what could still change the answer.
    func decide(_ known: Known, of domain: DomainName, under policy: PolicyLookup) -> Step<Answer>
}

/// The one order: policy, route, hosts, decision.
///
/// - RFC 8461 §5.1: Policy Application Control Flow.
/// - RFC 5321 §5.1: Locating the Target Host.
package func next<Asked: Question>(_ known: Known, for question: Asked) -> Step<Asked.Answer> {
    guard let domain = known.hop.policyDomain, question.concerns(known.hop, of: domain) else {
        return .answer(question.answerWithoutPolicy)
    }
    guard let policy = known.settledPolicy else { return .need(.policy) }
    if let answer = question.answer(under: policy) { return .answer(answer) }
    if known.late == nil {
        let wantsHosts = question.wantsHosts(under: policy)
        guard let lookup = known.route(wantsHosts: wantsHosts) else { return .need(.route(wantsHosts: wantsHosts)) }
        if case .route(let route) = lookup, let need = question.need(of: route, under: policy), !known.has(need) {
            return .need(need)
        }
    }
    return question.decide(known, of: domain, under: policy)
}
