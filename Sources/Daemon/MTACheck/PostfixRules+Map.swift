// SPDX-License-Identifier: Apache-2.0
import Names
import PolicyMap

/// Programs of Postfix that deliver by SMTP.
private let clients: Set<String> = ["smtp"]

extension PostfixRules {
    /// The policy map: whether Postfix asks ours, by the right name, and agrees with `enforcement`.
    func map() -> [MTAFinding] {
        guard let socket = settings.mapSocket else { return settings.usesMap ? [unserved()] : [] }
        let maps = PostfixMap.list(facts["smtp_tls_policy_maps"])
        let ours = maps.filter { answers(socket, $0) }
        guard !ours.isEmpty else { return unasked(others: maps) }
        var found: [MTAFinding] = ours.compactMap(form)
        if !settings.usesMap {
            found.append(
                .problem(
                    "enforcement",
                    "Postfix asks the policy map and skips hosts that do not conform, but enforcement = \"milter\" defers mail for a single such host",
                    MTAFinding.Cure("sts-milter.toml", "enforcement = \"milter+policy-map\"")))
        }
        if let first = maps.first, !ours.contains(first) {
            found.append(
                .advice(
                    "map-order", "\(first.text) comes before sts-milter's map, and what it answers counts",
                    main("smtp_tls_policy_maps = \(mapEntry)")))
        }
        return found + unmapped(socket) + needs()
    }

    /// The map as main.cf should name it.
    private var mapEntry: String {
        guard let socket = settings.mapSocket, let endpoint = MTAEndpoint(socket) else { return "" }
        let form: MapForm =
            facts.version.map { $0 >= .withTLSRPT } ?? false ? .postfixTLSRPT : .postfix
        return "socketmap:\(endpoint.postfix):\(mapName(of: form))"
    }

    private func mapName(of form: MapForm) -> String {
        let names = settings.mapForms.filter { $0.value == form }.keys.sorted()
        return names.contains(form.rawValue) ? form.rawValue : names.first ?? form.rawValue
    }

    private func answers(_ socket: ListenAddress, _ map: PostfixMap) -> Bool {
        facts.services(running: clients).map(\.isChrooted).reduce(into: Set([false])) { $0.insert($1) }.contains {
            MTAEndpoint(postfix: map.socket, directory: facts.queueDirectory, inChroot: $0).map(socket.answers) ?? false
        }
    }

    private func unserved() -> MTAFinding {
        .problem(
            "map-unserved", "enforcement = \"milter+policy-map\", but sts-milter serves no policy map",
            MTAFinding.Cure("sts-milter.toml", "[policy_map]", "socket = \"inet:8461@127.0.0.1\""))
    }

    private func unasked(others: [PostfixMap]) -> [MTAFinding] {
        let others = others.map(\.text).joined(separator: " ")
        let present = others.isEmpty ? "" : "; it asks \(others)"
        let cure = main("smtp_tls_policy_maps = \(mapEntry)")
        guard settings.usesMap else {
            return [.advice("map-unused", "Postfix does not ask the policy map that sts-milter serves\(present)", cure)]
        }
        return [
            .problem(
                "map-missing",
                "enforcement = \"milter+policy-map\", but smtp_tls_policy_maps does not name sts-milter's map\(present): nobody keeps Postfix from a host that does not conform",
                cure)
        ]
    }

    private func form(_ map: PostfixMap) -> MTAFinding? {
        let cure = main("smtp_tls_policy_maps = \(mapEntry)")
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

    /// Transports that go past the map.
    private func unmapped(_ socket: ListenAddress) -> [MTAFinding] {
        facts.services(running: clients).compactMap { service in
            guard let value = service.overrides["smtp_tls_policy_maps"],
                !PostfixMap.list(value).contains(where: { answers(socket, $0) })
            else { return nil }
            return .advice(
                "map-service",
                "service \(service.name): -o smtp_tls_policy_maps=\(value) leaves sts-milter's map out; right for a transport to hosts of your own"
            )
        }
    }

    /// What else a map that says `secure` and `dane-only` needs.
    private func needs() -> [MTAFinding] {
        var found: [MTAFinding] = []
        let hasAuthorities = !facts["smtp_tls_CAfile"].isEmpty || !facts["smtp_tls_CApath"].isEmpty
        if !hasAuthorities, !facts.isYes("tls_append_default_CA") {
            found.append(
                .problem(
                    "ca-file",
                    "smtp_tls_CAfile and smtp_tls_CApath are empty: no certificate can be verified, and mail to every domain with an enforce policy is deferred",
                    main("smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt")))
        }
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
