// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import Synchronization

/// The routes that were looked up, for as long as the DNS lets them stand; one lookup in flight for a next hop.
package final class RouteBook: Sendable {
    /// Routes remembered, some hundred octets each.
    private static let maxRemembered = 200_000
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
    private let routes = ExpiringTable<NextHop, Finding>(capacity: maxRemembered)
    private let trouble = Mutex<(text: String, until: UTCTime)?>(nil)
    private let flights = Flights<NextHop, Finding>(capacity: maxFlights) { $0.policyDomain }

    package init(router: any Router, clock: any WallClock) {
        self.router = router
        self.clock = clock
    }

    /// The trouble of our own that lately kept us from asking; nil if there was none.
    func ownTrouble(at now: UTCTime) -> String? {
        trouble.withLock { $0 }.flatMap { now < $0.until ? $0.text : nil }
    }

    func known(_ hop: NextHop, at now: UTCTime) -> Finding? { routes.value(for: hop, at: now) }

    func find(_ hop: NextHop) async -> Finding {
        if let known = routes.value(for: hop, at: clock.now) { return known }
        let found = await flights.join(hop) { [self] in
            do throws(RouteError) {
                let (route, keepFor) = try await router.route(to: hop)
                routes.set(.route(route), for: hop, at: clock.now, keepFor: keepFor)
                return .route(route)
            } catch {
                if case .notAsked(let text) = error {
                    // It says nothing of the domain, so nothing is kept under its name.
                    trouble.withLock { $0 = (text, clock.now + Self.troubleStandsFor) }
                    return .error(error)
                }
                routes.set(.error(error), for: hop, at: clock.now, keepFor: Self.failureStandsFor)
                return .error(error)
            }
        }
        return found ?? .error(.notAsked("too many lookups in flight"))
    }

    func forget(_ hop: NextHop) { routes.remove(hop) }

    package func forgetAll() { routes.removeAll() }
}
