// SPDX-License-Identifier: Apache-2.0
import TLS

extension PostfixRules {
    /// Whether the clients can load their trusted authorities: without, Postfix switches TLS off.
    func loadableAuthorities() -> [Diagnostic] {
        facts.clients.compactMap { client in
            places(of: client).loadFailure.map {
                .problem(
                    "ca-file",
                    "\(subject(of: client))\($0): Postfix switches TLS off, delivers in clear text where TLS is not required, and defers the rest",
                    cure(for: client))
            }
        }
    }

    /// Whether the clients can verify anything, which a map that says `secure` needs.
    func verifyingAuthorities() -> [Diagnostic] {
        let hasDefaults = facts.isYes("tls_append_default_CA")
        return facts.clients.compactMap { client in
            let places = places(of: client)
            if places.loadFailure != nil || hasDefaults { return nil }
            if places.isEmpty {
                return .problem(
                    "ca-file", subject(of: client) + "smtp_tls_CAfile and smtp_tls_CApath are empty: \(consequence)",
                    cure(for: client))
            }
            guard let problem = places.problem else { return nil }
            if places.isDenied {
                return .advice(
                    "ca-file", "\(subject(of: client))\(problem); run check-mta as root to know what is in it")
            }
            return .problem(
                "ca-file", "\(subject(of: client))\(problem)\(chroot(of: client)): \(consequence)", cure(for: client))
        }
    }

    private var consequence: String {
        "no certificate can be verified, and mail to every domain with an enforce policy is deferred"
    }

    private func places(of client: PostfixFacts.Service) -> AuthorityPlaces {
        func place(_ setting: String, _ path: String?) -> AuthorityPlaces.Place? {
            path.map { .init(setting: setting, path: $0, finding: facts.authorities[$0]) }
        }
        return AuthorityPlaces(
            file: place("smtp_tls_CAfile", facts.authorityFile(for: client)),
            folder: place("smtp_tls_CApath", facts.authorityFolder(for: client)))
    }

    /// Why the folder is another than main.cf names.
    private func chroot(of client: PostfixFacts.Service) -> String {
        guard client.isChrooted, facts.authorityFolder(for: client) != nil else { return "" }
        return " (the copy in the chroot of smtp, which Debian makes when Postfix starts)"
    }

    private func isOwn(_ client: PostfixFacts.Service) -> Bool {
        ["smtp_tls_CAfile", "smtp_tls_CApath"].contains { client.overrides[$0] != nil }
    }

    private func subject(of client: PostfixFacts.Service) -> String { isOwn(client) ? "service \(client.name): " : "" }

    private func cure(for client: PostfixFacts.Service) -> Diagnostic.Cure {
        let bundle = "/etc/ssl/certs/ca-certificates.crt"
        return isOwn(client)
            ? override(client, "smtp_tls_CAfile=\(bundle)") : main("smtp_tls_CAfile = \(bundle)")
    }
}
