// SPDX-License-Identifier: Apache-2.0
import Gzip
import LabKit

extension FaultTable {
    /// Who stands between us and the DNS shows the daemon something else than the MTA, which is led to a host without
    /// STARTTLS.
    static let nameRows: [Row] = [
        forges("dns-mx-null", "a null MX forged", .untold) { $0.view.set($0.domain, .mx(0, ".")) },
        forges("dns-mx-nxdomain", "the domain does not exist, forged", .untold) {
            $0.view.fail($0.domain, .mx, .nxdomain)
        },
        forges("dns-mx-nodata", "no MX and no address, forged", .untold) { $0.view.fail($0.domain, .mx, .nodata) },
        forges("dns-mx-servfail", "SERVFAIL for MX", .untold) { $0.view.fail($0.domain, .mx, .servfail) },
        forges("dns-mx-silent", "no answer for MX", .untold) { $0.view.fail($0.domain, .mx, .silent) },
        forges("dns-a-servfail", "SERVFAIL for the MX host's address", .untold) { $0.view.fail($0.mx, nil, .servfail) },
        forges("dns-a-nxdomain", "the MX host does not exist, forged", .untold) { $0.view.fail($0.mx, nil, .nxdomain) },
        forges("dns-a-silent", "no answer for the MX host's address", .untold) { $0.view.fail($0.mx, nil, .silent) },
        Row(
            name: "dns-mx-foreign", attacker: .names, fault: "MX forged to a host outside the policy", fates: .seen,
            strike: { site in
                let evil = "evil.\(site.domain)"
                site.network.names.set(evil, .a(try site.another(plain: true)))
                site.network.route(site.domain, to: [evil])
            }),
        Row(
            name: "dns-ninth-address", attacker: .names, fault: "nine addresses, one of a host without STARTTLS",
            fates: .seen, strike: { try addresses(8, of: $0, withPlain: true) }),
        Row(
            name: "dns-40-addresses", attacker: .names, fault: "40 addresses, all good",
            fates: Fates(.heldAtReception, .heldAtReception, .delivered, .delivered),
            strike: { try addresses(40, of: $0, withPlain: false) }),
        forges("dns-txt-servfail", "SERVFAIL for the policy's TXT record", .hidden) {
            $0.view.fail("_mta-sts.\($0.domain)", .txt, .servfail)
        },
        forges("dns-txt-nxdomain", "the TXT record hidden", .hidden) {
            $0.view.fail("_mta-sts.\($0.domain)", .txt, .nxdomain)
        },
        forges("dns-txt-silent", "no answer for the TXT record", .hidden) {
            $0.view.fail("_mta-sts.\($0.domain)", .txt, .silent)
        },
        forges("dns-policy-host-servfail", "SERVFAIL for the policy host's address", .hidden) {
            $0.announce(.policy(mode: "none", mx: []))
            $0.view.fail("mta-sts.\($0.domain)", nil, .servfail)
        },
    ]

    /// A policy host that does not serve, and an MX host without STARTTLS.
    static let policyRows: [Row] = [
        serves("policy-500", "500 for the policy") { _ in .status(500) },
        serves("policy-404", "404 for the policy") { _ in .status(404) },
        serves("policy-redirect", "a redirect to a policy of mode none") { site in
            site.network.policies.set(path: "/none", .policy(mode: "none", mx: []))
            return .redirect(to: "https://mta-sts.\(site.domain)/none")
        },
        serves("policy-hangs", "a request without an answer") { _ in .hang },
        serves("policy-body-drips", "a body octet by octet") { _ in
            .body(.drip("version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n", everyMilliseconds: 5_000))
        },
        serves("policy-body-endless", "a body without end") { _ in .endless },
        serves("policy-head-drips", "a header octet by octet") { _ in .attack(.headOctetEvery(milliseconds: 500)) },
        serves("policy-header-endless", "a header without end") { _ in .attack(.headerWithoutEnd) },
        serves("policy-1xx-endless", "100 Continue without end") { _ in .attack(.continueWithoutEnd) },
        // Blocks of deflate that hold nothing.
        serves("policy-packed-often", "a body of nothing, packed four times") { _ in
            var body = [UInt8](repeating: 0, count: 5 << 20)
            for start in stride(from: 3, to: body.count, by: 5) { (body[start], body[start + 1]) = (0xFF, 0xFF) }
            for _ in 0..<3 { body = try compress(body) }
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip, gzip, gzip, gzip\r\n\r\n"
            return .attack(.octets(Array(head.utf8) + body))
        },
        serves("policy-rubbish", "a body that is no policy") { _ in .policy("version: STSv9\r\nmode: nothing\r\n") },
        serves("policy-cert-name", "mode none, under a certificate of another name") { site in
            site.network.policies.setCredential(
                "mta-sts.\(site.domain)", try site.network.authority.issue(names: ["mta-sts.other-\(site.domain)"]))
            return .policy(mode: "none", mx: [])
        },
        serves("policy-cert-self-signed", "mode none, under a certificate that is its own issuer") { site in
            site.network.policies.setCredential(
                "mta-sts.\(site.domain)", try site.network.authority.selfSigned(names: ["mta-sts.\(site.domain)"]))
            return .policy(mode: "none", mx: [])
        },
        serves("policy-host-down", "no connection to the policy host") { site in
            site.view.set("mta-sts.\(site.domain)", .a(site.deadAddress))
            return .policy(mode: "none", mx: [])
        },
    ]

    private static func forges(
        _ name: String, _ fault: String, _ fates: Fates, _ forge: @escaping @Sendable (FaultSite) -> Void
    ) -> Row {
        Row(
            name: name, attacker: .names, fault: fault, fates: fates,
            strike: { site in
                site.host.strip()
                forge(site)
            })
    }

    private static func serves(
        _ name: String, _ fault: String, _ answer: @escaping @Sendable (FaultSite) throws -> PolicyAnswer
    ) -> Row {
        Row(
            name: name, attacker: .policyHost, fault: fault, fates: .hidden,
            strike: { site in
                site.host.strip()
                site.announce(try answer(site))
            })
    }

    /// Gives the MX host so many addresses where all is well and, if wanted, one more where STARTTLS is not offered.
    private static func addresses(_ count: Int, of site: FaultSite, withPlain: Bool) throws {
        let more = try (1..<count).map { _ in try site.another(plain: false) }
        let plain = withPlain ? [try site.another(plain: true)] : []
        site.network.names.set(site.mx, ([site.host.address] + more + plain).map { .a($0) })
    }
}
