// SPDX-License-Identifier: Apache-2.0
import PolicyMap
import TLS

extension SendmailRules {
    /// The policy map behind FEATURE(`sts_milter') or FEATURE(`sts').
    func map() -> [Diagnostic] {
        guard let socket = settings.mapSocket else { return settings.needsMap ? unserved() : [] }
        let ours = facts.socketMaps.filter { MTAEndpoint(sendmail: $0.socket[...]).map(socket.answers) ?? false }
        guard let map = ours.first else { return unasked() }
        var found = smartHost(map) + name(map) + flags(map)
        if !facts.isTrue("StrictTransportSecurity") {
            found.append(
                .problem(
                    "map-option", "StrictTransportSecurity is not true: the map \(map.name) is there, but not asked",
                    featureWithFile))
        } else {
            found += certificateNames()
        }
        if !settings.usesMap {
            found.append(
                .problem(
                    "enforcement",
                    "Sendmail asks the policy map and skips hosts that do not conform, but enforcement = \"milter\" defers mail for a single such host",
                    Diagnostic.Cure("sts-milter.toml", "enforcement = \"auto\"")))
        }
        found += authorities()
        return found + dane()
    }

    /// Sendmail asks for the recipient's domain, whatever host the mail goes to.
    private func smartHost(_ map: SendmailFacts.SocketMap) -> [Diagnostic] {
        guard !facts.smartHost.isEmpty else { return [] }
        return [
            .problem(
                "map-smart-host",
                "all mail goes to \(facts.smartHost) (SMART_HOST), but Sendmail asks the map \(map.name) for the domain of the recipient: mail to domains with an enforce policy waits",
                macroFile("dnl take out \(feature)"))
        ]
    }

    /// Whether any certificate can be verified.
    private func authorities() -> [Diagnostic] {
        func place(_ setting: String) -> AuthorityPlaces.Place? {
            let path = facts[setting]
            return path.isEmpty ? nil : .init(setting: setting, path: path, finding: facts.authorities[path])
        }
        let places = AuthorityPlaces(file: place("CACertFile"), folder: place("CACertPath"))
        guard let problem = places.isEmpty ? "CACertFile and CACertPath are empty" : places.problem else { return [] }
        if places.isDenied {
            return [.advice("ca-file", "\(problem); run check-mta as root to know what is in it")]
        }
        return [
            .problem(
                "ca-file",
                "\(problem): no certificate can be verified, and mail to every domain with an enforce policy is deferred",
                macroFile(
                    "define(`confCACERT', `/etc/ssl/certs/ca-certificates.crt')dnl",
                    "define(`confCACERT_PATH', `/etc/ssl/certs')dnl"))
        ]
    }

    /// The line for sendmail.mc.
    private var feature: String {
        let socket = settings.mapSocket.flatMap { MTAEndpoint($0)?.sendmail } ?? "local:/run/sts-milter/map.sock"
        return "FEATURE(`sts_milter', `\(socket)')dnl"
    }

    /// Where the feature is to be found, and its line.
    private var featureWithFile: Diagnostic.Cure {
        macroFile("dnl copy contrib/sendmail/feature/sts_milter.m4 to /usr/share/sendmail/cf/feature/", feature)
    }

    /// Whether the names of certificates are compared, and a wildcard stands for one label.
    /// - RFC 8461 §4.2: Recipient MTA Certificate Validation.
    private func certificateNames() -> [Diagnostic] {
        guard facts.certificateNameRules.contains(where: { $0.contains("$={cert_altnames}") }) else {
            return [
                .problem(
                    "map-names", "Sendmail compares no names of certificates: one for any host is as good",
                    featureWithFile)
            ]
        }
        guard facts.certificateNameRules.contains(where: { $0.contains("$:*.") }) else {
            return [
                .problem(
                    "map-wildcards",
                    "FEATURE(`sts') refuses all wildcard certificates: mail to hosts that have one waits, though they keep their policy",
                    featureWithFile)
            ]
        }
        guard let open = Int(facts["ConnectionCacheSize"]), open > 1 else { return [] }
        return [
            .problem(
                "map-connections",
                "ConnectionCacheSize is \(open), but Sendmail knows the names of one certificate only, that of the last handshake: connections that are used again are held to the names of another host",
                macroFile("define(`confMCI_CACHE_SIZE', `1')dnl"))
        ]
    }

    private func unserved() -> [Diagnostic] {
        let cure = Diagnostic.Cure("sts-milter.toml", "[policy_map]", "socket = \"unix:/run/sts-milter/map.sock\"")
        if let other = facts.socketMaps.first(where: { $0.name == "sts" }) {
            return [
                .advice(
                    "map-other",
                    "the map sts at \(other.socket) is not sts-milter's: what it knows of a domain may differ from what the milter knows",
                    cure)
            ]
        }
        return [
            .problem(
                "map-unserved",
                "enforcement = \"milter+policy-map\", but sts-milter serves no policy map and Sendmail asks none: mail reaches hosts that do not conform",
                cure)
        ]
    }

    private func unasked() -> [Diagnostic] {
        let other = facts.socketMaps.first { $0.name == "sts" }
        let present = other.map { "; the map sts asks \($0.socket)" } ?? ""
        if let obstacle, settings.needsMap {
            return [
                .problem(
                    "map-missing",
                    "enforcement = \"milter+policy-map\", but this Sendmail is not to ask the map, since \(obstacle): \(settings.whatFollows)",
                    Diagnostic.Cure("sts-milter.toml", "enforcement = \"auto\""))
            ]
        }
        if let obstacle {
            return [
                .advice(
                    "map-unused",
                    "sts-milter serves a policy map that this Sendmail is not to ask, since \(obstacle): the milter guards alone"
                )
            ]
        }
        guard settings.usesMap else {
            return [
                .advice(
                    "map-unused", "Sendmail does not ask the policy map that sts-milter serves\(present)",
                    featureWithFile)
            ]
        }
        return [
            .problem(
                "map-missing",
                "\(settings.mapIsMeant), but Sendmail does not ask sts-milter's map\(present): \(settings.whatFollows)",
                featureWithFile)
        ]
    }

    /// What keeps Sendmail from asking a policy map for its own good.
    private var obstacle: String? {
        if facts.knowsPolicyMaps == false { return SendmailFacts.lacksMaps }
        return facts.smartHost.isEmpty ? nil : "all mail goes to \(facts.smartHost) (SMART_HOST)"
    }

    private func name(_ map: SendmailFacts.SocketMap) -> [Diagnostic] {
        switch settings.mapForms[map.name] {
        case .sendmail, .postfix: return []
        case .postfixTLSRPT:
            return [
                .problem(
                    "map-form",
                    "the map \(map.name) gets answers in the form postfix-tlsrpt, which Sendmail does not understand",
                    featureWithFile)
            ]
        case nil:
            return [
                .problem(
                    "map-name",
                    "sts-milter does not know the map name '\(map.name)': mail by SMTP is deferred, or goes unguarded without -T<TMPF>",
                    featureWithFile)
            ]
        }
    }

    private func flags(_ map: SendmailFacts.SocketMap) -> [Diagnostic] {
        var found: [Diagnostic] = []
        if !map.flags.contains("-T<TMPF>") {
            found.append(
                .problem(
                    "map-failure",
                    "the map \(map.name) lacks -T<TMPF>: while sts-milter is down, mail goes to hosts that do not conform",
                    featureWithFile))
        }
        let wait = map.flags.first { $0.hasPrefix("-d") }.flatMap { sendmailTime(String($0.dropFirst(2))) }
        if let wait, wait < settings.mapWaitLimit + Self.margin {
            found.append(
                .problem(
                    "map-timeout",
                    "the map \(map.name) waits \(wait.components.seconds) s (-d) for an answer that may take \(settings.mapWaitLimit.components.seconds) s",
                    featureWithFile))
        }
        return found
    }

    /// DANE is Sendmail's own part. One that is not built for it does not start with the option in its file, so only
    /// where the option is there already is it said how to turn it on.
    private func dane() -> [Diagnostic] {
        guard settings.putsDANEFirst, !facts.isTrue("DANE") else { return [] }
        let isKnown = !facts["DANE"].isEmpty
        return [
            .advice(
                "dane",
                "DANE is off, or this Sendmail is built without it as Debian 12's is: it looks at no TLSA records, which RFC 8461 puts before policies",
                isKnown ? macroFile("define(`confDANE', `true')dnl") : nil)
        ]
    }
}
