// SPDX-License-Identifier: Apache-2.0
import Core
import Logging
import Settings

/// What decides, for the milter and for the policy map, on one memory of policies, routes and hosts.
struct JudgingParts: Sendable {
    let resolver: NextHopResolver
    let gate: Gate
    let mapResolver: PolicyMapResolver
    /// Nil where no policy map is served.
    let mapUse: MapUse?
    let held: HeldMail
    let pause: Pause
    let pauseControl: PauseControl

    /// - Parameter mapLimit: how long mail may wait for its question to the policy map.
    init(_ settings: Settings, on policies: PolicyParts, mapLimit: Duration, logger: Logger) async {
        let (network, clock) = (policies.network, policies.clock)
        let resolver = NextHopResolver(
            policies: policies.cache, routes: RouteCache(router: network, clock: clock), prober: network,
            surveyor: network, clock: clock)
        let (pause, held) = (Pause(clock: clock), HeldMail(clock: clock))
        let mapResolver = PolicyMapResolver(
            resolver: resolver, settings: settings.mapAnswers, pause: pause, held: held)
        pauseControl = PauseControl(
            pause, file: PauseFile(besideDatabase: settings.storePath), clock: clock, logger: logger
        ) { mapResolver.forgetAnswers() }
        await pauseControl.restore()
        let mapUse: MapUse? =
            if settings.policyMap == nil { nil } else {
                MapUse(settings.gate.enforcement, clock: clock, within: mapLimit, logger: logger) {
                    resolver.forgetHistory()
                }
            }
        gate = Gate(
            resolver: resolver, recorder: policies.ledger, settings: settings.gate,
            mtaTellsSessions: settings.intake.isAny
        ) { mapUse?.guards($0) == true && mapResolver.mayHold($0) }
        self.resolver = resolver
        self.mapResolver = mapResolver
        self.mapUse = mapUse
        self.held = held
        self.pause = pause
    }

    /// Takes new settings.
    func apply(_ settings: Settings) {
        gate.apply(settings.gate)
        mapUse?.apply(settings.gate.enforcement)
        mapResolver.apply(settings.mapAnswers)
    }

    /// Has routes and hosts looked at anew.
    func forgetHosts() {
        gate.forgetHosts()
        mapResolver.forgetAnswers()
    }

    /// Lets go of what is remembered no longer.
    func sweep() {
        resolver.sweep()
        gate.sweep()
        mapResolver.sweep()
        held.sweep()
    }
}
