// SPDX-License-Identifier: Apache-2.0

extension PostfixRules {
    /// What the intake needs, so that deliveries are counted: TLS in the log, and datagrams to our socket.
    func intake() -> [Diagnostic] {
        tlsLog() + (settings.intake.datagramSocket.map(datagrams) ?? [])
    }

    private func tlsLog() -> [Diagnostic] {
        let cure = main("smtp_tls_loglevel = 1")
        guard settings.intake.postfixLog != nil else {
            // Datagrams tell of TLS whatever the log says.
            guard settings.intake.datagramSocket == nil, isSilent(facts["smtp_tls_loglevel"]) else { return [] }
            return [
                .advice(
                    "tls-log",
                    "smtp_tls_loglevel = 0: the log does not say which deliveries used TLS, so none can be counted",
                    cure)
            ]
        }
        if isSilent(facts["smtp_tls_loglevel"]) {
            return [
                .problem(
                    "tls-log",
                    "intake.postfix_log is set, but smtp_tls_loglevel = 0: the log does not say which deliveries used TLS, and none is counted",
                    cure)
            ]
        }
        return facts.services(running: ["smtp"]).filter { isSilent($0.overrides["smtp_tls_loglevel"] ?? "1") }.map {
            .problem(
                "tls-log",
                "service \($0.name): -o smtp_tls_loglevel=0: the log does not say which of its deliveries used TLS, and none is counted",
                override($0, "smtp_tls_loglevel=1"))
        }
    }

    private func isSilent(_ level: String) -> Bool { Int(level) == 0 }

    /// Whether Postfix sends its datagrams to the socket at `path`.
    private func datagrams(_ path: String) -> [Diagnostic] {
        if let version = facts.version, version < .withTLSRPT {
            let readsLog = settings.intake.postfixLog != nil
            return [
                .problem(
                    "tlsrpt-version",
                    "intake.tlsrpt_socket is set, but Postfix \(version) sends no TLSRPT datagrams (3.10 does): "
                        + (readsLog ? "take the line out, its log is read" : "read its log instead"),
                    readsLog
                        ? nil
                        : Diagnostic.Cure(
                            "sts-milter.toml", "[intake]", "postfix_log = \"/var/log/mail.log\"   # or \"journal\""))
            ]
        }
        // Without a list of services main.cf alone decides.
        let services = facts.services(running: ["smtp"])
        guard !services.isEmpty else { return datagrams(path, of: PostfixFacts.Service("smtp/unix", "smtp")) }
        return services.flatMap { datagrams(path, of: $0) }
    }

    private func datagrams(_ path: String, of service: PostfixFacts.Service) -> [Diagnostic] {
        let wanted = ["smtp_tlsrpt_enable": "yes", "smtp_tlsrpt_socket_name": socketName(path)]
        let isOverridden = wanted.keys.contains { service.overrides[$0] != nil }
        let subject = isOverridden ? "service \(service.name): " : ""
        func cure(_ names: String...) -> Diagnostic.Cure {
            let own = names.filter { service.overrides[$0] != nil }
            return own.isEmpty
                ? Diagnostic.Cure(facts.mainFile, lines: names.map { "\($0) = \(wanted[$0] ?? "")" })
                : override(service, own.map { "\($0)=\(wanted[$0] ?? "")" })
        }
        if service.isChrooted, !path.hasPrefix(facts.queueDirectory + "/") {
            return [
                .problem(
                    "tlsrpt-socket",
                    "smtp runs in \(facts.queueDirectory) (chroot in master.cf) and cannot reach intake.tlsrpt_socket \(path)",
                    Diagnostic.Cure(
                        "sts-milter.toml", "[intake]",
                        "tlsrpt_socket = \"\(facts.queueDirectory)/run/tlsrpt/tlsrpt.sock\""))
            ]
        }
        guard facts.value("smtp_tlsrpt_enable", for: service).lowercased() == "yes" else {
            return [
                .problem(
                    "tlsrpt-enable",
                    "\(subject)smtp_tlsrpt_enable is not yes: Postfix sends nothing to intake.tlsrpt_socket, and no delivery is counted",
                    cure("smtp_tlsrpt_enable", "smtp_tlsrpt_socket_name"))
            ]
        }
        let name = facts.value("smtp_tlsrpt_socket_name", for: service)
        let dialled = MTAEndpoint(
            postfix: "unix:\(name)", directory: facts.queueDirectory, inChroot: service.isChrooted)
        guard dialled != .unix(path: path) else { return [] }
        let shown = name.isEmpty ? "is empty" : "= \(name)"
        return [
            .problem(
                "tlsrpt-socket",
                "\(subject)smtp_tlsrpt_socket_name \(shown), but sts-milter reads intake.tlsrpt_socket \(path)",
                cure("smtp_tlsrpt_socket_name"))
        ]
    }

    /// The socket as Postfix looks for it from its queue directory.
    private func socketName(_ path: String) -> String {
        path.hasPrefix(facts.queueDirectory + "/")
            ? String(path.dropFirst(facts.queueDirectory.count + 1)) : path
    }

    func override(_ service: PostfixFacts.Service, _ options: [String]) -> Diagnostic.Cure {
        Diagnostic.Cure(
            facts.masterFile, lines: ["\(service.name.prefix { $0 != "/" }) ... smtp"] + options.map { "  -o \($0)" })
    }

    func override(_ service: PostfixFacts.Service, _ option: String) -> Diagnostic.Cure {
        override(service, [option])
    }
}
