// SPDX-License-Identifier: Apache-2.0

/// How hosts are probed.
package struct ProbeSettings: Sendable, Hashable {
    /// What we call ourselves in EHLO: a host name or an address literal, printable ASCII without blanks.
    package var heloName: String
    /// Whether loopback, private and link-local addresses are dialled: in a laboratory only.
    package var allowsPrivateAddresses = false
    /// Connections at one time, and as many hosts whose addresses are asked for; the others wait for their turn. Each
    /// costs a descriptor and some memory, a host may keep its own for minutes, and nobody's share is less than an eighth.
    package var maxConcurrent = 256
    /// Hosts that may wait for their turn; for one more the newest of whoever has most waiting is not tried.
    package var maxWaiting = 4096
    /// Longest wait for a turn, so that what asks again is served by what is known by then.
    package var placePatience: Duration = .seconds(60)
    /// Addresses of each family that are dialled.
    package var maxAddressesPerFamily = 4

    package var dnsTimeout: Duration = .seconds(10)
    package var connectTimeout: Duration = .seconds(10)
    /// Hosts that make strangers wait keep them so for up to 20 s.
    package var greetingTimeout: Duration = .seconds(25)
    package var commandTimeout: Duration = .seconds(15)
    package var handshakeTimeout: Duration = .seconds(15)
    /// For all addresses of a host together, once it is its turn.
    package var overallTimeout: Duration = .seconds(60)

    package init(heloName: String) { self.heloName = heloName }
}
