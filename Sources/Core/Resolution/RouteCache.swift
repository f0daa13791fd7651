// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency

/// What is known of the way to a next hop.
package enum RouteLookup: Sendable, Hashable {
    case route(Route)
    case error(RouteError)
    /// There is a route that DNSSEC does not vouch for. Its hosts were not kept, since nobody wanted them.
    case insecure

    package var found: Route? { if case .route(let route) = self { route } else { nil } }
}

/// The routes that were looked up, for as long as the DNS lets them stand; one lookup in flight for a next hop.
package final class RouteCache: Sendable {
    /// Next hops that may be looked up at one time.
    private static let maxFlights = 20_000
    /// How long a failure stands for an answer.
    private static let failureStandsFor = Duration.seconds(30)
    /// How long a failure of our own is taken to last when a lookup does not end in time.
    private static let localFailureStandsFor = Duration.seconds(15)

    private let router: any Router
    private let clock: any WallClock
    private let routes = TTLCache<NextHop, RouteLookup>(octets: MemoryBudget.routes) { hop, lookup in
        switch lookup {
        case .route(let route):
            // One text where both are the same name: the router made the route of this next hop.
            hop.heldOctets + (route.policyDomain == hop.policyDomain ? route.listOctets : route.heldOctets)
        case .error, .insecure: hop.heldOctets
        }
    }
    /// Next hops whose route DNSSEC does not vouch for, where nobody wants to know more of it.
    private let insecure = TTLCache<NextHop, Bool>(octets: MemoryBudget.insecure) { hop, _ in hop.heldOctets }
    /// What a lookup came to, and how long a route may be kept.
    private struct Found: Sendable {
        let lookup: RouteLookup
        var keepFor = Duration.zero
    }

    private let flights = SingleFlight<NextHop, Found>(capacity: maxFlights) { $0.policyDomain }
    private let lastLocalFailure = Locked<(text: String, until: UTCTime)?>(nil)

    package init(router: any Router, clock: any WallClock) {
        self.router = router
        self.clock = clock
    }

    /// The failure of our own that lately kept us from asking; nil if there was none.
    func localFailure(at now: UTCTime) -> String? {
        lastLocalFailure.withLock { $0 }.flatMap { now < $0.until ? $0.text : nil }
    }

    /// What memory knows; nil when the network has to be asked.
    /// - Parameter wantsHosts: false if the hosts matter only where DNSSEC vouches for them.
    func cached(_ hop: NextHop, wantsHosts: Bool = true, at now: UTCTime) -> RouteLookup? {
        if !wantsHosts, insecure.value(for: hop, at: now) != nil { return .insecure }
        return routes.value(for: hop, at: now)
    }

    /// The route as memory knows it, or as the network says it now.
    /// - Parameter wantsHosts: false if the hosts matter only where DNSSEC vouches for them; of another route nothing
    ///   more is kept, since anybody's mail to any domain asks so.
    func resolve(_ hop: NextHop, wantsHosts: Bool = true) async -> RouteLookup {
        if let known = cached(hop, wantsHosts: wantsHosts, at: clock.now) { return known }
        let found = await flights.join(hop) { [self] in await look(hop, wantsHosts: wantsHosts) }
        guard let found else { return .error(.notAsked("too many lookups in flight")) }
        // Whoever began the lookup may not have wanted the hosts.
        if wantsHosts, case .route(let route) = found.lookup, routes.value(for: hop, at: clock.now) == nil {
            routes.set(.route(route), for: hop, at: clock.now, keepFor: found.keepFor)
        }
        return found.lookup
    }

    /// Asks the network, and keeps what it says.
    private func look(_ hop: NextHop, wantsHosts: Bool) async -> Found {
        do throws(RouteError) {
            let (route, keepFor) = try await router.route(to: hop)
            if wantsHosts || route.isSecure {
                routes.set(.route(route), for: hop, at: clock.now, keepFor: keepFor)
            } else {
                insecure.set(true, for: hop, at: clock.now, keepFor: keepFor)
            }
            return Found(lookup: .route(route), keepFor: keepFor)
        } catch {
            if case .notAsked(let text, let concernsAll) = error {
                // It says nothing of the domain, so nothing is kept under its name.
                if concernsAll { lastLocalFailure.withLock { $0 = (text, clock.now + Self.localFailureStandsFor) } }
                return Found(lookup: .error(error))
            }
            routes.set(.error(error), for: hop, at: clock.now, keepFor: Self.failureStandsFor)
            return Found(lookup: .error(error))
        }
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
