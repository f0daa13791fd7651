// SPDX-License-Identifier: Apache-2.0

/// How hosts are probed.
package struct ProbeSettings: Sendable, Hashable {
    /// What we call ourselves in EHLO: a host name or an address literal, printable ASCII without blanks.
    package var heloName: String
    /// Whether loopback, private and link-local addresses are dialled: in a laboratory only.
    package var allowsPrivateAddresses = false
    /// The strength that is asked of a host's keys, groups and signatures, as OpenSSL's security level. Postfix sets 1 where
    /// it must verify a certificate, whatever the library is built with: what it delivers to must not look like a
    /// violation here.
    package var securityLevel = 1
    /// Addresses of one host that are dialled at one time, so that no host sees a crowd.
    package var maxAddressesAtOnce = 4
    /// Connections at one time, and as many hosts whose addresses are asked for; the others wait for their turn. Each
    /// costs a descriptor and some memory, a host may keep its own for minutes, and nobody's share is less than an eighth.
    package var maxConcurrent = 256
    /// Hosts that may wait for their turn; for one more the newest of whoever has most waiting is not tried.
    package var maxWaiting = 4096
    /// Longest wait for a turn, so that what asks again is served by what is known by then.
    package var placeWaitLimit: Duration = .seconds(60)

    package var dnsTimeout: Duration = .seconds(10)
    package var connectTimeout: Duration = .seconds(10)
    /// As long as MTAs wait (Postfix's smtp_helo_timeout, Sendmail's Timeout.initial): a host that is given up sooner can
    /// hide from us and greet the MTA. - RFC 5321 §4.5.3.2.1: Initial 220 Message.
    package var greetingTimeout: Duration = .seconds(300)
    /// While other hosts wait for their turn, a host that has not greeted gives up its place at the end of such a time.
    package var crowdedGreetingTimeout: Duration = .seconds(5)
    package var commandTimeout: Duration = .seconds(15)
    package var handshakeTimeout: Duration = .seconds(15)
    /// For what follows the greeting of one address.
    package var dialogueTimeout: Duration = .seconds(30)

    /// For all addresses of a host together, once it is its turn.
    var overallTimeout: Duration { connectTimeout + greetingTimeout + dialogueTimeout }

    package init(heloName: String) { self.heloName = heloName }
}
