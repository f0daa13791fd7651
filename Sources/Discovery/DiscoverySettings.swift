// SPDX-License-Identifier: Apache-2.0

/// How the network is asked for policies.
package struct DiscoverySettings: Sendable, Hashable {
    /// Time for one fetch from start to end: DNS, connections, TLS and body.
    /// - RFC 8461 §3.3: a timeout of one minute is suggested.
    package var fetchDeadline: Duration = .seconds(60)
    /// Time that a fetch may wait for a free place before it begins.
    package var placeWaitLimit: Duration = .seconds(60)
    /// Time for one DNS question outside of a fetch.
    package var dnsTimeout: Duration = .seconds(10)
    /// Time for one address to accept a connection and finish TLS; the fetch's deadline may cut it shorter.
    package var connectTimeout: Duration = .seconds(10)
    /// Fetches that may be under way at one time; one more waits for a place, and is not tried if none is free in time.
    package var maxFetches = 64
    /// One place of so many is for renewals of cached policies alone.
    package var renewalPart = 4
    /// Fetches that may wait for a place; for one more the newest of whoever has most waiting is not tried.
    package var maxWaiting = 4096
    /// A longer body is an error, never cut. - RFC 8461 §3.3: a limit of 64 kilobytes is suggested.
    package var bodyLimitBytes = 65_536
    /// Whether a policy host may have an address of a private or otherwise reserved network.
    package var allowPrivateAddresses = false
    /// Another port than 443 is for laboratories only.
    package var port: UInt16 = 443
    /// The User-Agent sent, product and version such as `sts-milter/1.0.0`.
    package var userAgent = "sts-milter"

    package init() {}
}
