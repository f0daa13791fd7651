// SPDX-License-Identifier: Apache-2.0
import Basics

/// A small Internet on loopback: names, an authority for certificates, policy hosts and mail hosts.
///
/// It takes 127.0.0.1:53 for its resolver, so a network namespace holds one of them.
package final class TestNetwork: Sendable {
    package let authority: CertificateAuthority
    package let names: NameServer
    package let resolver: ValidatingResolver
    package let policies: PolicyHost

    private let prefix: String
    private let nextHost = Locked(100)
    private let hosts = Locked<[MXServer]>([])

    /// - Parameters:
    ///   - prefix: the first two octets of its addresses, such as `127.10`.
    ///   - signed: makes the records of the signed zone `seclab`, given its authority.
    ///   - maxTTL: how long the resolver may keep an answer, in seconds.
    ///   - more: makes further signed zones, given the authority and where policies are served.
    package init(
        prefix: String, maxTTL: Int = 0,
        signed: (CertificateAuthority) throws -> SignedZone = { _ in SignedZone("seclab", records: "") },
        more: (CertificateAuthority, String) throws -> [SignedZone] = { _, _ in [] }
    ) throws {
        self.prefix = prefix
        authority = try CertificateAuthority()
        names = try NameServer(address: "\(prefix).0.54")
        resolver = try ValidatingResolver(
            authorityAddress: "\(prefix).0.55",
            zones: [try signed(authority)] + (try more(authority, "\(prefix).0.80")), unsigned: names,
            maxTTL: maxTTL)
        policies = try PolicyHost(address: "\(prefix).0.80")
    }

    deinit { stop() }

    package func stop() {
        resolver.stop()
        names.stop()
        policies.stop()
        for host in hosts.withLock({ $0 }) { host.stop() }
    }

    /// Settings of a daemon that lives in it; more may follow.
    package var settings: String {
        """
        [dns]
        forwarder = "\(resolver.address)@\(resolver.port)"
        trust_anchor = "\(resolver.trustAnchorFile)"
        [tls]
        ca_file = "\(authority.caFile)"
        [network]
        private_addresses = "allow"
        helo_name = "mta.lab"

        """
    }

    /// Announces and serves a policy.
    package func publish(_ domain: String, mode: String, mx: [String], maxAge: Int = 86_400, id: String = "1") throws {
        try publish(domain, .policy(mode: mode, mx: mx, maxAge: maxAge), id: id)
    }

    /// Announces a policy and has its host give this answer.
    package func publish(_ domain: String, _ answer: PolicyAnswer, id: String = "1") throws {
        let host = "mta-sts.\(domain)"
        announce(domain, id: id)
        names.set(host, .a(policies.address))
        policies.set(host, answer, credential: try authority.issue(names: [host]))
    }

    /// Puts a mail host of this name on an address of its own, or on one that a signed zone gives it; without a
    /// credential a good certificate is issued.
    @discardableResult
    package func mailHost(
        _ name: String, at fixed: String? = nil, credential: Credential? = nil, plain: Bool = false
    ) throws -> MXServer {
        let number = nextHost.withLock { number in
            number += 1
            return number
        }
        // From .3 to .99 stand those with addresses of their own.
        let block = number / 250 + (number < 500 ? 1 : 98)
        let address = fixed ?? "\(prefix).\(block).\(number % 250 + 1)"
        let shown = plain ? nil : try credential ?? authority.issue(names: [name])
        let host = try MXServer(address: address, hostName: name, credential: shown)
        names.set(name, .a(address))
        hosts.withLock { $0.append(host) }
        return host
    }

    /// Makes these the MX hosts of a domain, the first preferred.
    package func route(_ domain: String, to hosts: [String]) {
        names.set(domain, hosts.enumerated().map { .mx(UInt16(($0 + 1) * 10), $1) })
    }

    /// A domain with one mail host `mx.<domain>` and a policy that names it.
    @discardableResult
    package func domain(
        _ name: String, mode: String = "enforce", credential: Credential? = nil, plain: Bool = false,
        maxAge: Int = 86_400
    ) throws -> MXServer {
        let host = try mailHost("mx.\(name)", credential: credential, plain: plain)
        route(name, to: ["mx.\(name)"])
        try publish(name, mode: mode, mx: ["mx.\(name)"], maxAge: maxAge)
        return host
    }
}
