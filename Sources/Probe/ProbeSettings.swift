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
    /// Addresses of one host that are dialled at one time, so that no host sees a crowd.
    package var maxAddressesAtOnce = 4

    package var dnsTimeout: Duration = .seconds(10)
    package var connectTimeout: Duration = .seconds(10)
    /// As long as MTAs wait (Postfix's smtp_helo_timeout, Sendmail's Timeout.initial): a host that is given up sooner can
    /// hide from us and greet the MTA. - RFC 5321 §4.5.3.2.1: Initial 220 Message.
    package var greetingTimeout: Duration = .seconds(300)
    package var commandTimeout: Duration = .seconds(15)
    package var handshakeTimeout: Duration = .seconds(15)
    /// For what follows the greeting of one address.
    package var dialogueTimeout: Duration = .seconds(30)

    /// For all addresses of a host together, once it is its turn.
    var overallTimeout: Duration { connectTimeout + greetingTimeout + dialogueTimeout }

    package init(heloName: String) { self.heloName = heloName }
}
