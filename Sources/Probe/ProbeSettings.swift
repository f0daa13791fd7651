// SPDX-License-Identifier: Apache-2.0

/// How hosts are probed.
package struct ProbeSettings: Sendable, Hashable {
    /// What we call ourselves in EHLO: a host name or an address literal, printable ASCII without blanks.
    package var heloName: String
    /// Whether loopback, private and link-local addresses are dialled: in a laboratory only.
    package var allowsPrivateAddresses = false
    /// Hosts probed at one time; the others wait their turn.
    package var maxConcurrent = 64
    /// Hosts that may wait their turn; one more is "unreachable" at once.
    package var maxWaiting = 1000
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
