// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// What the milter asks about a recipient's next hops; nothing here is counted until ``note(_:)``.
///
/// An object, since to hand on what may be any value costs a copy.
package protocol RecipientJudge: AnyObject, Sendable {
    /// Whether the MTA asks the policy map for the domain of the recipient, and not for the next hop; must not block.
    var isMapAskedByRecipient: Bool { get }
    /// The verdict if memory alone decides it; called on libmilter's thread, must not block.
    /// - Parameter isMapAsked: false where the MTA asks the map for another name than the next hop, so that the map guards
    ///   nothing; likewise below.
    func cached(_ hops: [NextHop], isMapAsked: Bool) -> Judgement?
    /// The verdict after looking things up; may take long, and goes on although the caller stopped waiting.
    func resolve(_ hops: [NextHop], isMapAsked: Bool) async -> Judgement
    /// The verdict as memory stands when nobody waits any longer; called on libmilter's thread, must not block.
    func decideNow(_ hops: [NextHop], isMapAsked: Bool, because ending: WaitEnding) -> Judgement
    /// Takes note of what was done, once per message and next hops; must not block.
    func note(_ disposition: Disposition)
    /// Takes note that a message goes on whose recipients in the domain are under an enforce policy, and are delivered by
    /// the domain's own MX records; must not block.
    func noteAccepted(_ domain: DomainName)
    /// Whether anybody wants to know that.
    var notesAccepted: Bool { get }
    /// Whether a report of ours is on its way to the address; must not block.
    func awaitsReport(_ recipient: EnvelopeAddress) -> Bool
    /// Whether the operator has all mail go now, whatever the verdicts; must not block.
    var isPaused: Bool { get }
}
