// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Synchronization

/// The routes that were looked up, for as long as the DNS lets them stand; one lookup in flight for a next hop.
package final class RouteCache: Sendable {
    /// Next hops that may be looked up at one time.
    private static let maxFlights = 20_000
    /// How long a failure stands for an answer.
    private static let failureStandsFor = Duration.seconds(30)
    /// How long our own trouble is taken to last when a lookup does not end in time.
    private static let troubleStandsFor = Duration.seconds(15)

    enum Finding: Sendable {
        case route(Route)
        case error(RouteError)
    }

    private let router: any Router
    private let clock: any WallClock
    private let routes = TTLCache<NextHop, Finding>(octets: MemoryBudget.routes) { hop, finding in
        switch finding {
        case .route(let route): hop.heldOctets + route.heldOctets
        case .error: hop.heldOctets
        }
    }
    /// Next hops whose route DNSSEC does not vouch for, where nobody wants to know more of it.
    private let insecure = TTLCache<NextHop, Bool>(octets: MemoryBudget.insecure) { hop, _ in hop.heldOctets }
    private let flights = SingleFlight<NextHop, Finding>(capacity: maxFlights) { $0.policyDomain }
    private let trouble = Mutex<(text: String, until: UTCTime)?>(nil)

    package init(router: any Router, clock: any WallClock) {
        self.router = router
        self.clock = clock
    }

    /// The trouble of our own that lately kept us from asking; nil if there was none.
    func ownTrouble(at now: UTCTime) -> String? {
        trouble.withLock { $0 }.flatMap { now < $0.until ? $0.text : nil }
    }

    func known(_ hop: NextHop, at now: UTCTime) -> Finding? { routes.value(for: hop, at: now) }

    /// Whether DNSSEC is known not to vouch for the route, in which case its hosts may not be known.
    func isInsecure(_ hop: NextHop, at now: UTCTime) -> Bool { insecure.value(for: hop, at: now) != nil }

    /// - Parameter wantsHosts: false if the hosts matter only where DNSSEC vouches for them; of another route nothing
    ///   more is kept, since anybody's mail to any domain asks so.
    func find(_ hop: NextHop, wantsHosts: Bool = true) async -> Finding {
        if let known = routes.value(for: hop, at: clock.now) { return known }
        let found = await flights.join(hop) { [self] in
            do throws(RouteError) {
                let (route, keepFor) = try await router.route(to: hop)
                if wantsHosts || route.isSecure {
                    routes.set(.route(route), for: hop, at: clock.now, keepFor: keepFor)
                } else {
                    insecure.set(true, for: hop, at: clock.now, keepFor: keepFor)
                }
                return .route(route)
            } catch {
                if case .notAsked(let text, let concernsAll) = error {
                    // It says nothing of the domain, so nothing is kept under its name.
                    if concernsAll { trouble.withLock { $0 = (text, clock.now + Self.troubleStandsFor) } }
                    return .error(error)
                }
                routes.set(.error(error), for: hop, at: clock.now, keepFor: Self.failureStandsFor)
                return .error(error)
            }
        }
        return found ?? .error(.notAsked("too many lookups in flight"))
    }

    func forget(_ hop: NextHop) {
        routes.remove(hop)
        insecure.remove(hop)
    }

    package func forgetAll() {
        routes.removeAll()
        insecure.removeAll()
    }

    /// Lets go of what is remembered no longer.
    package func sweep() {
        let now = clock.now
        routes.sweep(at: now)
        insecure.sweep(at: now)
    }

    /// What is held now, in octets.
    var octets: Int { routes.octets + insecure.octets }
}
