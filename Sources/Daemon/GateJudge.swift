// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Milter

/// What the milter asks, answered by the gate. One object, since the milter's threads count references to all in it.
final class GateJudge: RecipientJudge {
    private let gate: Gate
    /// Nil where nobody asks: each message costs a lock.
    private let hops: ObservedNextHops?
    private let ownReports: OwnReports
    private let held: HeldMail
    private let pause: Pause
    private let mapUse: MapUse?

    init(
        gate: Gate, hops: ObservedNextHops?, ownReports: OwnReports, held: HeldMail, pause: Pause, mapUse: MapUse?
    ) {
        self.gate = gate
        self.hops = hops
        self.ownReports = ownReports
        self.held = held
        self.pause = pause
        self.mapUse = mapUse
    }

    var isPaused: Bool { pause.isInForce }

    func awaitsReport(_ recipient: EnvelopeAddress) -> Bool { ownReports.contains(recipient) }
    var isMapAskedByRecipient: Bool { mapUse?.isAskedByRecipient ?? false }
    func cached(_ hops: [NextHop], isMapAsked: Bool) -> Judgement? { gate.cached(hops, isMapAsked: isMapAsked) }
    func resolve(_ hops: [NextHop], isMapAsked: Bool) async -> Judgement {
        await gate.resolve(hops, isMapAsked: isMapAsked)
    }
    func decideNow(_ hops: [NextHop], isMapAsked: Bool, because ending: WaitEnding) -> Judgement {
        gate.decideNow(hops, isMapAsked: isMapAsked, because: ending)
    }
    func noteAccepted(_ domain: DomainName) { mapUse?.noteAccepted(domain) }
    var notesAccepted: Bool { mapUse != nil }
    func note(_ disposition: Disposition) {
        hops?.note(disposition)
        gate.note(disposition)
        if disposition.isHeldBack { held.note(disposition) }
    }
}
