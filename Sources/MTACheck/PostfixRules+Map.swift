// SPDX-License-Identifier: Apache-2.0
import Basics
import PolicyMap

/// Programs of Postfix that deliver by SMTP.
private let clients: Set<String> = ["smtp"]
/// The program that opens tables for others.
private let proxies: Set<String> = ["proxymap"]

extension PostfixRules {
    /// The policy map: whether Postfix asks ours, by the right name, and agrees with `enforcement`.
    func map() -> [Diagnostic] {
        let others = PostfixMap.list(facts["smtp_tls_policy_maps"])
        guard let socket = settings.mapSocket else { return settings.needsMap ? unserved(others) : [] }
        // Without a list of services main.cf alone decides.
        let services = facts.services(running: clients)
        let asked =
            services.isEmpty ? others.filter { answers(socket, $0, false) } : services.flatMap { ours($0, socket) }
        guard !asked.isEmpty else { return unasked(socket, others) }
        var found = Set(asked).sorted { $0.text < $1.text }.compactMap(form)
        if !settings.usesMap {
            found.append(
                .problem(
                    "enforcement",
                    "Postfix asks the policy map and skips hosts that do not conform, but enforcement = \"milter\" defers mail for a single such host",
                    Diagnostic.Cure("sts-milter.toml", "enforcement = \"auto\"")))
        }
        let before = others.prefix { !asked.contains($0) }.map(\.text)
        if !before.isEmpty {
            found.append(
                .advice(
                    "map-order",
                    "before sts-milter's map Postfix asks \(before.joined(separator: " and ")), and what that answers counts",
                    main(mapsLineWithOursFirst)))
        }
        return found + services.filter { ours($0, socket).isEmpty }.map(unmapped) + needs() + fallback()
    }

    /// Postfix goes on to the fallback relay where the map lets no host have the mail, at the level of that next hop.
    private func fallback() -> [Diagnostic] {
        let services = facts.services(running: clients)
        let values =
            services.isEmpty
            ? [facts["smtp_fallback_relay"]] : services.map { facts.value("smtp_fallback_relay", for: $0) }
        guard let relay = values.first(where: { !$0.isEmpty }) else { return [] }
        return [
            .advice(
                "fallback-relay",
                "smtp_fallback_relay = \(relay): mail that the map holds back goes there instead, and no policy of the recipient's domain binds that host",
                main("smtp_fallback_relay ="))
        ]
    }

    /// The map as main.cf should name it.
    var mapEntry: String {
        let form: MapForm = facts.version.map { $0 >= .withTLSRPT } ?? false ? .postfixTLSRPT : .postfix
        let socket = settings.mapSocket.map { postfixName(of: $0, otherwise: "unix:sts-milter/map.sock") } ?? ""
        return "socketmap:\(socket):\(mapName(of: form))"
    }

    private func mapName(of form: MapForm) -> String {
        let names = settings.mapForms.filter { $0.value == form }.keys.sorted()
        return names.contains(form.rawValue) ? form.rawValue : names.first ?? form.rawValue
    }

    private func ours(_ service: PostfixFacts.Service, _ socket: ListenAddress) -> [PostfixMap] {
        PostfixMap.list(facts.value("smtp_tls_policy_maps", for: service)).filter {
            answers(socket, $0, service.isChrooted)
        }
    }

    /// - Parameter inChroot: whether the client runs there; where proxymap(8) asks, its own chroot counts.
    func answers(_ socket: ListenAddress, _ map: PostfixMap, _ inChroot: Bool) -> Bool {
        let inChroot = map.isProxied ? facts.services(running: proxies).contains(where: \.isChrooted) : inChroot
        return MTAEndpoint(postfix: map.socket, directory: facts.queueDirectory, inChroot: inChroot)
            .map(socket.answers) ?? false
    }

    private func unserved(_ others: [PostfixMap]) -> [Diagnostic] {
        if let other = others.first {
            return [
                .advice(
                    "map-other",
                    "\(other.text) is not sts-milter's: what it knows of a domain may differ from what the milter knows",
                    Diagnostic.Cure(
                        "sts-milter.toml", "[policy_map]",
                        "socket = \"unix:\(facts.queueDirectory)/sts-milter/map.sock\""))
            ]
        }
        return [
            .problem(
                "map-unserved",
                "enforcement = \"milter+policy-map\", but sts-milter serves no policy map and Postfix asks none: mail reaches hosts that do not conform",
                Diagnostic.Cure(
                    "sts-milter.toml", "[policy_map]", "socket = \"unix:\(facts.queueDirectory)/sts-milter/map.sock\""))
        ]
    }

    private func unasked(_ socket: ListenAddress, _ others: [PostfixMap]) -> [Diagnostic] {
        let names = others.map(\.text).joined(separator: " ")
        let present = names.isEmpty ? "" : "; it asks \(names)"
        guard settings.usesMap else {
            return [
                .advice(
                    "map-unused", "Postfix does not ask the policy map that sts-milter serves\(present)",
                    main(mapsLine))
            ]
        }
        let isChrooted = facts.services(running: clients).contains(where: \.isChrooted)
        if case .unix(let path) = socket, isChrooted, !path.hasPrefix(facts.queueDirectory + "/") {
            return [
                .problem(
                    "map-socket",
                    "smtp runs in \(facts.queueDirectory) (chroot in master.cf) and cannot reach sts-milter's map at \(socket): put the socket there, or let proxymap(8) ask (proxy:\(mapEntry))",
                    // Another of several Postfixes may have its chroot around the socket as it is.
                    facts.isOneOfSeveral
                        ? main(mapsLine.replacing(mapEntry, with: "proxy:" + mapEntry))
                        : Diagnostic.Cure(
                            "sts-milter.toml", "[policy_map]",
                            "socket = \"unix:\(facts.queueDirectory)/sts-milter/map.sock\""))
            ]
        }
        return [
            .problem(
                "map-missing",
                "\(settings.mapIsMeant), but smtp_tls_policy_maps does not name sts-milter's map\(present): \(settings.whatFollows)",
                main(mapsLine))
        ]
    }

    private func form(_ map: PostfixMap) -> Diagnostic? {
        let cure = main(mapsLine)
        guard let form = settings.mapForms[map.name] else {
            return .problem(
                "map-name", "sts-milter does not know the map name '\(map.name)': all mail by SMTP is deferred", cure)
        }
        guard let version = facts.version else { return nil }
        switch form {
        case .postfixTLSRPT where version < .withTLSRPT:
            return .problem(
                "map-form",
                "Postfix \(version) does not know the attributes of the form \(form.rawValue) (3.10 does): it logs \"invalid attribute name\" and defers mail to every domain that has a policy",
                cure)
        case .postfix where version < .withServerName, .sendmail where version < .withServerName:
            return .problem(
                "map-form",
                "Postfix \(version) does not know the attribute servername (3.4 does): it defers mail to every domain that has a policy"
            )
        case .postfix where version >= .withTLSRPT, .sendmail where version >= .withTLSRPT:
            let text =
                "the form \(form.rawValue) does not tell Postfix \(version) which policy it keeps: it cannot report it (TLSRPT)"
                + (version >= .withPatternCheck ? " nor check MX names against the policy by itself" : "")
            return facts.isYes("smtp_tlsrpt_enable")
                ? .problem("map-form", text, cure) : .advice("map-form", text, cure)
        case .postfix, .postfixTLSRPT: return nil
        case .sendmail: return .advice("map-form", "the map name '\(map.name)' is made for Sendmail", cure)
        }
    }

    /// A transport that goes past the map.
    private func unmapped(_ service: PostfixFacts.Service) -> Diagnostic {
        let value = service.overrides["smtp_tls_policy_maps"].map { "-o smtp_tls_policy_maps=\($0)" }
        return .advice(
            "map-service",
            "service \(service.name): \(value ?? "smtp_tls_policy_maps, as seen from its chroot,") leaves sts-milter's map out; right for a transport to hosts of your own"
        )
    }

    /// What else a map that says `secure` and `dane-only` needs.
    private func needs() -> [Diagnostic] {
        var found = verifyingAuthorities()
        if settings.putsDANEFirst, facts["smtp_dns_support_level"].lowercased() != "dnssec" {
            found.append(
                .problem(
                    "dnssec",
                    "smtp_dns_support_level is not dnssec: Postfix defers mail to the domains for which the policy map answers dane-only",
                    main("smtp_dns_support_level = dnssec")))
        }
        if facts["smtp_tls_enforce_sts_mx_patterns"].lowercased() == "no" {
            found.append(
                .advice(
                    "mx-patterns", "smtp_tls_enforce_sts_mx_patterns = no: Postfix does not check MX names by itself",
                    main("smtp_tls_enforce_sts_mx_patterns = yes")))
        }
        return found
    }
}
