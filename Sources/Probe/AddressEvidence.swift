// SPDX-License-Identifier: Apache-2.0
import Core

/// What came of one address of a host.
enum AddressEvidence: Sendable {
    case seen(HostEvidence)
    /// A failure of our own kept us from dialling, or cut the dialogue short.
    case localFailure(String)
    /// This machine has no way to the address, and so has the MTA beside us. Whoever forges address records can choose
    /// such a one: it is our own failure only while this machine has no way to anywhere.
    case noRoute(String)
    /// Its turn did not come before the host's time was over.
    case notDialled
}

/// What the addresses of a host say together.
///
/// One that fails is enough, since the MTA may dial any. Those that cannot be connected to say nothing, for no mail can go
/// there; one that takes the connection and lets us no further may let the MTA in.
/// A host of which some address was not looked at has not been seen to conform.
/// - Parameters:
///   - isWhole: whether these are all addresses that the host has.
///   - isOffline: whether this machine has no way to any network; asked for only where it matters.
func combine(_ seen: [AddressEvidence], isWhole: Bool, isOffline: @autoclosure () -> Bool) -> ProbeResult {
    var failures: [Failure] = []
    var badFacts: TLSFacts?
    var goodFacts: TLSFacts?
    var unreachable: [String] = []
    var turnedAway: [String] = []
    var localFailures: [String] = []
    var unrouted: [String] = []
    var isAnyLeft = !isWhole
    for evidence in seen {
        switch evidence {
        // What holds for one next hop only makes the whole hold for it only.
        case .seen(.conforming(let facts)): goodFacts = facts.isOfNextHop ? facts : goodFacts ?? facts
        case .seen(.failing(let more, let facts)):
            failures += more
            badFacts = facts?.isOfNextHop == true ? facts : badFacts ?? facts
        case .seen(.unreachable(let text)), .seen(.unresolved(let text)): unreachable.append(text)
        case .seen(.turnedAway(let text)): turnedAway.append(text)
        case .localFailure(let text): localFailures.append(text)
        case .noRoute(let text): unrouted.append(text)
        case .notDialled: isAnyLeft = true
        }
    }
    func joined(_ texts: [String]) -> String { texts.prefix(3).joined(separator: "; ") }
    if !failures.isEmpty { return .seen(.failing(failures, badFacts)) }
    if !localFailures.isEmpty { return .notTried(joined(localFailures)) }
    if !turnedAway.isEmpty { return .seen(.turnedAway(joined(turnedAway))) }
    if isAnyLeft { return .seen(.unreachable("not all of its addresses could be looked at")) }
    if let goodFacts { return .seen(.conforming(goodFacts)) }
    if !unreachable.isEmpty { return .seen(.unreachable(joined(unreachable))) }
    if unrouted.isEmpty { return .seen(.unreachable("no address")) }
    return isOffline() ? .notTried(joined(unrouted)) : .seen(.unreachable(joined(unrouted)))
}
