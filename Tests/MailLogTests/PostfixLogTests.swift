// SPDX-License-Identifier: Apache-2.0
import Core
import Testing

@Suite("Real logs of Postfix give the outcomes of their index")
struct PostfixLogTests {
    /// What 3.4 says otherwise than 3.7.
    static let old: [String: String] = [
        "30-secure-expired-and-wrongname": "mx.expwrong.test → certificate-expired",
        // No word on the reason but that the chain is trusted.
        "54-fingerprint-mismatch": "mx.good.test → certificate-host-mismatch",
        "60-secure-wrongname-tls-session-resumed":
            "mx.wrongname.test → certificate-host-mismatch; mx.wrongname.test → certificate-host-mismatch",
    ]

    /// What 3.10.13 says otherwise: its `TLSRPT:` lines have types of their own, and it keeps to the policy's MX names.
    static let new: [String: String] = [
        "02-secure-selfsigned": "mx.selfsigned.test → certificate-not-trusted (self-signed_certificate)",
        "03-secure-unknown-ca": "mx.rogue.test → certificate-not-trusted (unable_to_get_local_issuer_certificate)",
        "04-secure-unknown-ca-chain":
            "mx.roguechain.test → certificate-not-trusted (self-signed_certificate_in_certificate_chain)",
        "06-secure-notyet": "mx.notyet.test → certificate-not-trusted (certificate_is_not_yet_valid)",
        "15-secure-missing-intermediate":
            "mx.noint.test → certificate-not-trusted (unable_to_get_local_issuer_certificate)",
        "18-secure-clientauth-only": "mx.clientonly.test → certificate-not-trusted (unsuitable_certificate_purpose)",
        "30-secure-expired-and-wrongname": "mx.expwrong.test → certificate-expired",
        "34-secure-mx-not-in-policy": "other.example.test → validation-failure (mx-not-in-sts-policy)",
        "35-secure-wildcard-depth": "a.b.wild.test → validation-failure (mx-not-in-sts-policy)",
        "36-secure-mx-not-in-policy-but-cert-covers":
            "evilmx.rightpolicy.test → validation-failure (mx-not-in-sts-policy)",
        "54-fingerprint-mismatch": "mx.good.test → validation-failure (all-fingerprints-unusable)",
        "60-secure-wrongname-tls-session-resumed":
            "mx.wrongname.test → certificate-host-mismatch; mx.wrongname.test → certificate-host-mismatch",
    ]

    @Test("every log of every version", arguments: [("3.4", old), ("3.7", [:]), ("3.10", new), ("3.11", new)])
    func outcomes(_ version: String, _ others: [String: String]) throws {
        let index = try PostfixLogs.index()
        let files = try PostfixLogs.files(in: "postfix-\(version)")
        #expect(index.count == 82)
        #expect(files.count >= 11)
        #expect(version != "3.7" || files.count == index.count)
        for file in files {
            let name = String(file.dropLast(".log".count))
            let row = index.first { $0.name == name }
            let expected = try #require(others[name] ?? row?.outcome, "\(name) is not in the index")
            // What the table of TLS policies did not let go met no server.
            let sessions = PostfixLogs.sessions(try PostfixLogs.octets("postfix-\(version)/\(file)"))
                .filter { $0.result != .refusedByMap }
            #expect(PostfixLogs.outcome(sessions) == expected, "\(version) \(name)")
            for session in sessions { check(session, row, name) }
        }
    }

    private func check(_ session: ObservedSession, _ row: PostfixLogs.Row?, _ name: String) {
        #expect(session.source == .postfixLog)
        #expect(session.port == 25 || session.port == nil)
        #expect(session.queueID?.isEmpty == false)
        #expect(session.time.description.hasPrefix("2026-11-23T2"))
        // The one log whose recipient is rewritten.
        let domains = name == "75-virtual-alias-orig-to" ? ["alias.test"] : row?.domains ?? ["wrongname.test"]
        #expect(session.domain.map { domains.contains($0.ascii) } == true, "\(name)")
        let isDialled = session.result != .failed(.validationFailure, reason: "mx-not-in-sts-policy")
        #expect((session.address != nil) == isDialled, "\(name)")
    }

    @Test("the levels of certificates are told apart where they are known")
    func levels() throws {
        let levels: [(String, ObservedSession.Result)] = [
            ("postfix-3.7/01-secure-good.log", .verified), ("postfix-3.7/40-may-good.log", .trusted),
            ("postfix-3.7/41-may-selfsigned.log", .untrusted), ("postfix-3.7/47-may-wrongname.log", .trusted),
            ("postfix-3.11/40-may-good.log", .trusted), ("postfix-3.11/41-may-selfsigned.log", .untrusted),
            ("postfix-3.11/42-may-plain.log", .plaintext), ("postfix-3.11/01-secure-good.log", .verified),
            ("postfix-3.7/42-may-plain.log", .plaintext), ("postfix-3.10/41-may-selfsigned.log", .untrusted),
            ("postfix-3.7/81-note-starttls-offer.log", .notWanted),
        ]
        for (path, result) in levels {
            #expect(PostfixLogs.sessions(try PostfixLogs.octets(path)).map(\.result) == [result], "\(path)")
        }
    }

    @Test("TLS of whose certificate nothing is said is no verdict on one")
    func anonymous() {
        let peer = PostfixSessionTests.mx1
        for (word, result, isJudged) in [
            ("Anonymous", ObservedSession.Result.trusted, false), ("Untrusted", .untrusted, true),
            ("Trusted", .trusted, true), ("Verified", .verified, true),
        ] {
            let log = [PostfixSessionTests.good(peer, word), PostfixSessionTests.delivery("A1", peer)]
            let sessions = PostfixLogs.sessions(PostfixSessionTests.text(log))
            #expect(sessions.map(\.result) == [result] && sessions.map(\.isCertificateJudged) == [isJudged], "\(word)")
        }
    }

    @Test("the form of the log makes no difference")
    func forms() throws {
        let names = [
            "rsyslog-traditional.log", "rsyslog-rfc3339-FileFormat.log", "rsyslog-rfc5424.log", "journalctl-short.txt",
            "journalctl-short-full.txt", "journalctl-short-iso.txt", "journalctl-short-iso-precise.txt",
            "journalctl-short-unix.txt", "journalctl-with-unit.txt",
        ]
        let read = try names.map { name in
            PostfixLogs.sessions(try PostfixLogs.octets("syslog-formats/\(name)"))
        }
        for (name, sessions) in zip(names, read) {
            let alike = name.hasPrefix("rsyslog") ? read[0] : read[3]
            #expect(sessions == alike, "\(name)")
            #expect(
                PostfixLogs.outcome(sessions) == "mx.good.test → success; "
                    + "mx.selfsigned.test → certificate-not-trusted (self-signed_certificate); "
                    + "mx.nostarttls.test → starttls-not-supported",
                "\(name)")
        }
    }
}
