// SPDX-License-Identifier: Apache-2.0
import LabKit

extension FaultTable {
    static let rows: [Row] = [pathRows, certificateRows, nameRows, policyRows, [healthy]].flatMap { $0 }

    private static let healthy = Row(
        name: "healthy", attacker: .none, fault: "all is well", fates: .harmless, strike: { _ in })

    /// Longer than a recipient waits at the milter, and shorter than the laboratory's MTA waits for a host.
    private static let longMilliseconds: Int64 = 8_000

    /// Who stands between us and the MX host strips STARTTLS and has the host look like something else.
    private static let pathRows: [Row] = [
        strips("mx-plain", "STARTTLS is not offered", .seen),
        strips("mx-101-lines", "a greeting of 101 lines, then no STARTTLS", .seen, .greetingLines(101)),
        strips("mx-5000-lines", "a greeting of 5,000 lines, then no STARTTLS", .seen, .greetingLines(5_000)),
        strips("mx-line-2101", "a greeting line of 2,101 octets, then no STARTTLS", .seen, .greetingOctets(2_101)),
        strips("mx-line-60000", "a greeting line of 60,000 octets, then no STARTTLS", .seen, .greetingOctets(60_000)),
        strips(
            "mx-greeting-late", "a greeting held back, then no STARTTLS", .untold,
            .greetingAfter(milliseconds: longMilliseconds)),
        strips(
            "mx-greeting-drips", "a greeting octet by octet, then no STARTTLS", .untold,
            .greetingOctetEvery(milliseconds: 150)),
        strips("mx-greeting-450", "450 for a greeting, and on with no STARTTLS", .seen, .greetingCode(450)),
        strips("mx-greeting-554", "554 for a greeting, and on with no STARTTLS", .untold, .greetingCode(554)),
        strips("mx-greeting-521", "521 for a greeting, and on with no STARTTLS", .untold, .greetingCode(521)),
        strips("mx-greeting-rubbish", "no SMTP for a greeting", .seen, MXAttack.rubbishGreeting),
        strips("mx-greeting-odd", "NUL, ESC and %n in the greeting, then no STARTTLS", .seen, MXAttack.oddGreeting),
        strips("mx-ehlo-450", "EHLO answered 450, HELO taken", .seen, .ehloCode(450)),
        strips("mx-ehlo-500", "EHLO answered 500, HELO taken", .seen, .ehloCode(500)),
        strips("mx-ehlo-101-lines", "an EHLO answer of 101 lines without STARTTLS", .seen, .ehloLines(101)),
        strips("mx-ehlo-endless", "an EHLO answer without end", .untold, .ehloWithoutEnd),
        flaps("mx-closes-then-plain", "closed behind the greeting, the next connection in the clear", .seen) {
            $0.attacks = [.closeAfterGreeting]
        },
        flaps("mx-ehlo-closes-then-plain", "closed at EHLO, the next connection in the clear", .seen) {
            $0.attacks = [.closeAtEHLO]
        },
        flaps("mx-421-then-plain", "421 for a greeting, the next connection in the clear", .untold) {
            $0.faults = [.greet421]
        },
        Row(
            name: "mx-down-then-plain", attacker: .path, fault: "no connection, later one in the clear",
            fates: .untold,
            strike: { site in
                site.host.stop()
                site.host.strip()
            }, then: { try $0.host.start() }),
        faulty("mx-silent", "a connection, and never an octet", .untold, .stallGreeting),
        faulty("mx-starttls-454", "STARTTLS offered and refused", .seen, .refuseStartTLS(454)),
        faulty("mx-tls-rubbish", "no TLS behind the answer to STARTTLS", .seen, .garbageAfterStartTLS),
        faulty("mx-tls-closed", "closed behind the answer to STARTTLS", .seen, .dropAfterStartTLS),
        faulty("mx-tls-injects", "a reply in the clear behind that to STARTTLS", .seen, .injectAfterStartTLS),
        Row(
            name: "mx-hides-from-probe", attacker: .path, fault: "STARTTLS refused to the probe, by its EHLO name",
            fates: .seen, strike: { site in site.host.change { $0.attacks = [.startTLSRefused(to: FaultRun.probe)] } }),
        Row(
            name: "mx-strips-for-mta", attacker: .path, fault: "good for the probe, no STARTTLS for the MTA",
            fates: Fates(
                .setting("enforcement = \"milter\""), .setting("enforcement = \"milter\""), .heldAtDelivery,
                .heldAtDelivery),
            strike: { site in site.host.change { $0.attacks = [.startTLSHidden(from: FaultRun.mta)] } }),
        Row(
            name: "mx-one-of-two-flaps", attacker: .path,
            fault: "of two good hosts the first 421, the next connection to it in the clear", fates: besideGood,
            strike: { site in
                site.network.names.set("mx2.\(site.domain)", .a(try site.another(plain: false)))
                site.network.route(site.domain, to: [site.mx, "mx2.\(site.domain)"])
                site.flap { $0.faults = [.greet421] }
            }),
        Row(
            name: "mx-one-address-flaps", attacker: .path,
            fault: "of two good addresses one 421, the next connection to it in the clear", fates: besideGood,
            strike: { site in
                site.network.names.set(site.mx, .a(site.host.address), .a(try site.another(plain: false)))
                site.flap { $0.faults = [.greet421] }
            }),
        Row(
            name: "mx-one-of-two-down", attacker: .path, fault: "of two good hosts the first takes no connection",
            fates: .harmless,
            strike: { site in
                site.network.names.set("mx2.\(site.domain)", .a(try site.another(plain: false)))
                site.network.route(site.domain, to: [site.mx, "mx2.\(site.domain)"])
                site.host.stop()
            }),
        Row(
            name: "mx-one-address-down", attacker: .path, fault: "of two good addresses one takes no connection",
            fates: .harmless,
            strike: { site in
                site.network.names.set(site.mx, .a(site.host.address), .a(try site.another(plain: false)))
                site.host.stop()
            }),
        Row(
            name: "mx-greeting-late-tls", attacker: .path, fault: "a greeting held back, then good TLS",
            fates: Fates(.heldAtReception, .heldAtReception, .delivered, .delivered),
            strike: { site in
                site.host.change { $0.attacks = [.greetingAfter(milliseconds: longMilliseconds)] }
            }),
        Row(
            name: "mx-5000-lines-tls", attacker: .path, fault: "a greeting of 5,000 lines, then good TLS",
            fates: .harmless, strike: { site in site.host.change { $0.attacks = [.greetingLines(5_000)] } }),
    ]

    /// A host or an address that turned us away beside one that was good: the MTA may be let in where we were not.
    private static let besideGood = Fates(.heldAtReception, .heldAtReception, .delivered, .delivered)

    private static let certificateRows: [Row] = [
        shows("mx-cert-expired", "a certificate that has expired") {
            try $0.network.authority.issue(names: [$0.mx], validity: .expired)
        },
        shows("mx-cert-name", "a certificate of another name") {
            try $0.network.authority.issue(names: ["mx.other-\($0.domain)"])
        },
        shows("mx-cert-self-signed", "a certificate that is its own issuer") {
            try $0.network.authority.selfSigned(names: [$0.mx])
        },
    ]

    private static func strips(_ name: String, _ fault: String, _ fates: Fates, _ attacks: MXAttack...) -> Row {
        Row(
            name: name, attacker: .path, fault: fault, fates: fates,
            strike: { site in
                site.host.change {
                    $0.credential = nil
                    $0.attacks = Set(attacks)
                }
            })
    }

    private static func faulty(_ name: String, _ fault: String, _ fates: Fates, _ kind: MXFault) -> Row {
        Row(name: name, attacker: .path, fault: fault, fates: fates, strike: { $0.host.fail(kind) })
    }

    /// One way to the first who connects, in the clear to all who follow.
    private static func flaps(
        _ name: String, _ fault: String, _ fates: Fates, _ first: @escaping @Sendable (inout MXBehaviour) -> Void
    ) -> Row {
        Row(
            name: name, attacker: .path, fault: fault, fates: fates,
            strike: { $0.flap(first) })
    }

    private static func shows(
        _ name: String, _ fault: String, _ credential: @escaping @Sendable (FaultSite) throws -> Credential
    ) -> Row {
        Row(
            name: name, attacker: .path, fault: fault, fates: .seen,
            strike: { site in
                let other = try credential(site)
                site.host.change { $0.credential = other }
            })
    }
}
