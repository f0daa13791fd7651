// SPDX-License-Identifier: Apache-2.0

/// Finds the hosts of a next hop.
package protocol Router: Sendable {
    /// - Returns: the route, and how long it may be kept (the shortest TTL seen).
    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration)
}
