// SPDX-License-Identifier: Apache-2.0
import Foundation
import MailLog
import Testing

@Suite("Lines of smtp(8) are joined to sessions, each counted once")
struct PostfixSessionTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let what: String
        let log: [String]
        let outcome: String
        var testDescription: String { what }
    }

    static let mx1 = "mx1.a.test[192.0.2.1]:25"
    static let mx2 = "mx2.a.test[2001:db8::2]:25"

    static func good(_ peer: String, _ word: String = "Verified", _ verb: String = "established") -> String {
        "\(word) TLS connection \(verb) to \(peer): TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
    }

    static func delivery(
        _ id: String, _ peer: String, to recipient: String = "u@a.test", more: String = "", waited: String = "0.1/0",
        _ status: String = "sent (250 2.0.0 Ok)"
    ) -> String {
        "\(id): to=<\(recipient)>, relay=\(peer), \(more)delay=0.1, delays=\(waited)/0.1/0, dsn=2.0.0, status=\(status)"
    }

    static let unverified = "deferred (Server certificate not verified)"
    static let notOffered = "deferred (TLS is required, but was not offered by host mx1.a.test[192.0.2.1])"

    static func required(_ what: String) -> String {
        "deferred (REQUIRETLS Failure: sender requested REQUIRETLS, but \(what))"
    }

    static func lacks(_ kind: String, _ server: String) -> String {
        "no \(kind) server certificate was found. The last attempted server was \(server)"
    }

    static let joined: [Row] = [
        Row(
            what: "one domain's recipients share a session",
            log: [
                good(mx1), delivery("A1", mx1), delivery("A1", mx1, to: "v@a.test"),
                delivery("A1", mx1, to: "w@a.test", "bounced (host mx1.a.test[192.0.2.1] said: 550 no)"),
            ], outcome: "mx1.a.test → success"),
        Row(
            what: "the policy map lets no host of a next hop have it: one attempt",
            log: [
                #"warning: socketmap:inet:127.0.0.1:8461:postfix lookup error for "a.test""#,
                #"warning: smtp_tls_policy_maps, next-hop destination "a.test": policy table lookup error"#,
                "warning: TLS policy lookup for a.test/a.mx.a.test: client TLS configuration problem",
                "warning: TLS policy lookup for a.test/b.mx.a.test: client TLS configuration problem",
                delivery("A1", "none", "deferred (client TLS configuration problem)"),
                delivery("A1", "none", to: "v@a.test", "deferred (client TLS configuration problem)"),
            ], outcome: "a.mx.a.test → refused-by-map"),
        Row(
            what: "the next try is another attempt, and a fallback may get it",
            log: [
                "warning: TLS policy lookup for [relay.a.test]:587/relay.a.test: client TLS configuration problem",
                delivery("A1", "none", "deferred (client TLS configuration problem)"),
                "warning: TLS policy lookup for [relay.a.test]:587/relay.a.test: client TLS configuration problem",
                good(mx1), delivery("A1", mx1, waited: "300/0"),
            ], outcome: "relay.a.test → refused-by-map; relay.a.test → refused-by-map; mx1.a.test → success"),
        Row(
            what: "a plain session with several recipients",
            log: [delivery("A1", mx1), delivery("A1", mx1, to: "v@a.test")],
            outcome: "mx1.a.test → plaintext"),
        Row(
            what: "one process tries again without a word between",
            log: [
                delivery("A1", mx1, waited: "0.1/0", notOffered), delivery("A1", mx1, waited: "300/0", notOffered),
            ], outcome: "mx1.a.test → starttls-not-supported; mx1.a.test → starttls-not-supported"),
        Row(
            what: "a session that carries three messages",
            log: [
                good(mx1), delivery("A1", mx1), good(mx1, "Verified", "reused"),
                delivery("B2", mx1, more: "conn_use=2, "), good(mx1, "Verified", "reused"),
                delivery("C3", mx1, more: "conn_use=3, "),
            ], outcome: "mx1.a.test → success"),
        Row(
            what: "a plain session that carries two messages",
            log: [delivery("A1", mx1), delivery("B2", mx1, more: "conn_use=2, ")], outcome: "mx1.a.test → plaintext"),
        Row(
            what: "a second session to the same host",
            log: [good(mx1), delivery("A1", mx1), good(mx1), delivery("B2", mx1)],
            outcome: "mx1.a.test → success; mx1.a.test → success"),
        Row(
            what: "recipients that the first server puts off go to the second",
            log: [
                good(mx1), delivery("A1", mx1),
                "A1: host mx1.a.test[192.0.2.1] said: 451 later (in reply to RCPT TO command)", good(mx2),
                delivery("A1", mx2, to: "v@a.test"),
            ], outcome: "mx1.a.test → success; mx2.a.test → success"),
        Row(
            what: "a server that puts off one recipient and takes another",
            log: [
                good(mx1), "A1: host mx1.a.test[192.0.2.1] said: 451 later (in reply to RCPT TO command)",
                "A1: host mx1.a.test[192.0.2.1] said: 451 later (in reply to RCPT TO command)",
                delivery("A1", mx1, to: "v@a.test"), delivery("A1", mx2),
            ], outcome: "mx1.a.test → success; mx2.a.test → plaintext"),
        Row(
            what: "a plain server that puts off, and no second one",
            log: [
                "A1: host mx1.a.test[192.0.2.1] said: 451 later (in reply to MAIL FROM command)",
                delivery("A1", "none", "deferred (connect to mx2.a.test[192.0.2.2]:25: Connection refused)"),
            ], outcome: "mx1.a.test → plaintext"),
        Row(
            what: "TLS that fails, then plain text to the same host",
            log: [
                "SSL_connect error to \(mx1): -1", "A1: Cannot start TLS: handshake failure", delivery("A1", mx1),
            ],
            outcome: "mx1.a.test → validation-failure (tls-handshake-failure); "
                + "mx1.a.test → plaintext (tls-handshake-failure)"),
        Row(
            what: "two processes at once with one message",
            log: [
                good(mx1), "2|" + good(mx2, "Untrusted"), "2|" + delivery("A1", mx2, to: "u@b.test"),
                delivery("A1", mx1),
            ], outcome: "mx2.a.test → success; mx1.a.test → success"),
        Row(
            what: "a session whose delivery was never logged",
            log: ["A1: Server certificate not verified", good(mx1), delivery("B2", mx1)],
            outcome: "mx1.a.test → success"),
        Row(
            what: "no word on a refused certificate but the refusal",
            log: [delivery("A1", mx1, unverified)],
            outcome: "mx1.a.test → validation-failure (server_certificate_not_verified)"),
        Row(
            what: "Postfix 3.11 without TLS",
            log: [delivery("A1", mx1, more: "", "sent (250 ok)")].map {
                $0.replacing("dsn=", with: "tls=may:none, dsn=")
            }, outcome: "mx1.a.test → plaintext"),
        Row(
            what: "Postfix 3.11 with smtp_tls_loglevel 0",
            log: [delivery("A1", mx1)].map {
                $0.replacing("dsn=", with: "tls=secure, dsn=")
            }, outcome: "mx1.a.test → success"),
        Row(
            what: "Postfix 3.11 that refuses a certificate",
            log: [
                "server certificate verification failed for \(mx1): num=62:hostname mismatch",
                good(mx1, "Trusted"),
                delivery("A1", mx1, unverified).replacing("dsn=", with: "tls=!secure, dsn="),
            ], outcome: "mx1.a.test → certificate-host-mismatch"),
        Row(
            what: "a certificate that no TLSA record matches",
            log: [
                "server certificate verification failed for \(mx1): num=65:No matching DANE TLSA records",
                good(mx1, "Untrusted"), delivery("A1", mx1, unverified),
            ], outcome: "mx1.a.test → tlsa-invalid (No_matching_DANE_TLSA_records)"),
        Row(
            what: "an MX outside the policy beside one in it",
            log: [
                "warning: MX name 'mx1.a.test' does not match STS MX pattern for 'a.test'",
                "warning: MX name 'mx1.a.test' does not match STS MX pattern for 'a.test'", good(mx2),
                delivery("A1", mx2),
            ], outcome: "mx1.a.test → validation-failure (mx-not-in-sts-policy); mx2.a.test → success"),
        Row(
            what: "a policy that could not be had, as Postfix 3.10 is told",
            log: [
                "certificate verification failed for \(mx1): external policy failure (sts-policy-fetch-error)",
                good(mx1, "Trusted"), delivery("A1", mx1, unverified),
            ], outcome: "mx1.a.test → sts-policy-fetch-error"),
        Row(
            what: "the sender asked for REQUIRETLS: no TLS",
            log: [
                delivery("A1", mx1, required("TLS service was not offered by host mx1.a.test[192.0.2.1]")),
                delivery("B1", mx1, required("host mx1.a.test[192.0.2.1] refused to start TLS: 454 4.7.0 not now")),
            ], outcome: "mx1.a.test → starttls-not-supported; mx1.a.test → starttls-not-supported"),
        Row(
            what: "REQUIRETLS, and the first server has no TLS",
            log: [
                "A1: REQUIRETLS Failure: sender requested REQUIRETLS, but TLS service was not offered by host "
                    + "mx1.a.test[192.0.2.1]", good(mx2), delivery("A1", mx2),
            ], outcome: "mx1.a.test → starttls-not-supported; mx2.a.test → success"),
        Row(
            what: "REQUIRETLS, and no certificate does",
            log: [
                good(mx1, "Trusted"), delivery("A1", mx1, required(lacks("matching", "mx1.a.test[192.0.2.1]:25"))),
                delivery("A1", mx1, to: "v@a.test", required(lacks("matching", "mx1.a.test[192.0.2.1]:25"))),
                "certificate verification failed for \(mx1): certificate has expired", good(mx1, "Untrusted"),
                delivery("B1", mx1, required(lacks("trusted", "mx1.a.test"))),
            ], outcome: "mx1.a.test → certificate-host-mismatch; mx1.a.test → certificate-expired"),
        Row(
            what: "REQUIRETLS, and the text alone names the server",
            log: [
                delivery("A1", "none", required(lacks("trusted", "mx1.a.test[192.0.2.1]:25"))),
                delivery("A1", "none", to: "v@a.test", required(lacks("trusted", "mx1.a.test[192.0.2.1]:25"))),
                delivery("B1", "none", required(lacks("matching", "mx2.a.test"))),
            ], outcome: "mx1.a.test → certificate-not-trusted; mx2.a.test → certificate-host-mismatch"),
        Row(
            what: "what tlsproxy reports of one domain's session is not said of another's with the same host",
            log: [
                "proxy|TLSRPT: status=failure, domain=a.test, receiving_mx=mx1.a.test[192.0.2.1], "
                    + "failure_type=certificate_expired",
                delivery("A1", mx1, unverified), good(mx1, "Untrusted"),
                delivery("B2", mx1, to: "u@b.test", unverified),
            ], outcome: "mx1.a.test → certificate-expired; mx1.a.test → certificate-not-trusted"),
        Row(
            what: "tlsproxy reports a failure of Postfix 3.10 itself",
            log: [
                "proxy|TLSRPT: status=failure, domain=a.test, receiving_mx=mx1.a.test[192.0.2.1], "
                    + "failure_type=certificate_expired", good(mx1, "Untrusted"), delivery("A1", mx1, unverified),
            ], outcome: "mx1.a.test → certificate-expired"),
    ]

    /// Names as people type them, and as the DNS has them.
    static let spelled: [Row] = [
        Row(
            what: "a recipient's domain in capitals, which Postfix 3.7 writes as typed where there is no MX record",
            log: [
                "Verified TLS connection established to mx1.upper-good.example[192.0.2.121]:25: TLSv1.3 with cipher "
                    + "TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) "
                    + "server-digest SHA256",
                "64383F9079F: to=<u@Upper-GOOD.Example>, relay=mx1.Upper-GOOD.Example[192.0.2.121]:25, delay=0.1, "
                    + "delays=0.05/0.01/0.04/0, dsn=2.0.0, status=sent (250 2.0.0 taken)",
            ], outcome: "mx1.upper-good.example → success"),
        Row(
            what: "U-labels and A-labels, and a final dot",
            log: [good("mx.xn--bcher-kva.test[192.0.2.1]:25"), delivery("A1", "mx.BÜCHER.test.[192.0.2.1]:25")],
            outcome: "mx.xn--bcher-kva.test → success"),
        Row(
            what: "several recipients that are typed in several ways",
            log: [
                good("MX1.a.test[192.0.2.1]:25"), delivery("A1", mx1, to: "u@A.test"),
                delivery("A1", "mx1.A.TEST[192.0.2.1]:25", to: "v@a.TEST"),
            ], outcome: "mx1.a.test → success"),
        Row(
            what: "Postfix's own report",
            log: [
                "TLSRPT: status=failure, domain=A.test, receiving_mx=mx1.A.test[192.0.2.1], "
                    + "failure_type=certificate_expired",
                delivery("A1", mx1, unverified),
            ], outcome: "mx1.a.test → certificate-expired"),
        Row(
            what: "what tlsproxy found wrong",
            log: [
                "proxy|certificate verification failed for MX1.A.test[192.0.2.1]:25: certificate has expired",
                good(mx1, "Untrusted"), delivery("A1", mx1, unverified),
            ], outcome: "mx1.a.test → certificate-expired"),
        Row(
            what: "a host outside the policy, of two addresses",
            log: [
                "warning: MX name 'MX1.a.test' does not match STS MX pattern for 'A.test'",
                "warning: MX name 'mx1.a.test' does not match STS MX pattern for 'a.test'", good(mx2),
                delivery("A1", mx2),
            ], outcome: "mx1.a.test → validation-failure (mx-not-in-sts-policy); mx2.a.test → success"),
        Row(
            what: "a server that puts off",
            log: [
                good(mx1), "A1: host MX1.a.test[192.0.2.1] said: 451 later (in reply to RCPT TO command)",
                delivery("A1", mx1),
            ], outcome: "mx1.a.test → success"),
        Row(
            what: "TLS that is refused",
            log: [delivery("A1", "MX1.a.test[192.0.2.1]:25", notOffered)],
            outcome: "mx1.a.test → starttls-not-supported"),
        Row(
            what: "names with underscores differ by more than their case",
            log: [good("mx_1.a.test[192.0.2.1]:25"), delivery("A1", "MX_1.a.test[192.0.2.2]:25")],
            outcome: "mx_1.a.test → success; mx_1.a.test → plaintext"),
    ]

    static let uncounted: [Row] = [
        "lmtp|" + delivery("A1", mx1), "local|" + delivery("A1", "local"), "error|" + delivery("A1", mx1, notOffered),
        "smtpd|" + delivery("A1", mx1), "smtp-evil|" + delivery("A1", mx1),
        delivery("A1", "mx1.a.test[private/lmtp]"),
        delivery("A1", "none", "deferred (client TLS configuration problem)"),
        delivery("A1", mx1, "deferred (host mx1.a.test[192.0.2.1] refused to talk to me: 421 busy)"),
        delivery("A1", mx1, "deferred (host mx1.a.test[192.0.2.1] said: 502 no (in reply to EHLO command))"),
        delivery(
            "A1", mx1, "deferred (lost connection with mx1.a.test[192.0.2.1] while performing the EHLO handshake)"),
        delivery("A1", mx1, "deferred (TLS is required, but our TLS engine is unavailable)"),
        delivery(
            "A1", mx1,
            "deferred (conversation with mx1.a.test[192.0.2.1] timed out while performing the EHLO handshake)"),
        delivery(
            "A1", mx1,
            "deferred (lost connection with mx1.a.test[192.0.2.1] while receiving the initial server greeting)"),
        delivery("A1", mx1, to: "nobody"), "A1: to=<u@a.test>, relay=\(mx1), status=sent",
        "A1: to=<u@a.test>, relay=\(mx1), delay=", "A1: to=<u@a.test", good(mx1), "A1: " + good(mx1),
        "A1: Server certificate not verified", "A1: status=sent (250 ok)", "connect to \(mx1): Connection refused",
    ].map { Row(what: $0, log: [$0], outcome: "—") }

    @Test("sessions", arguments: joined)
    func counts(_ row: Row) {
        #expect(PostfixLogs.outcome(PostfixLogs.sessions(Self.text(row.log))) == row.outcome)
    }

    @Test("names meet, however they are written", arguments: spelled)
    func spelling(_ row: Row) {
        #expect(PostfixLogs.outcome(PostfixLogs.sessions(Self.text(row.log))) == row.outcome)
    }

    @Test("what is no session, or none of smtp(8)", arguments: uncounted)
    func ignores(_ row: Row) {
        #expect(PostfixLogs.outcome(PostfixLogs.sessions(Self.text(row.log))) == row.outcome)
    }

    @Test("the recipient can write what it likes")
    func quotedRecipient() {
        let forged = #""u>, relay=mx9.b.test[192.0.2.9]:25, delay=0, dsn=2.0.0, status=sent (250 x)"@a.test"#
        let sessions = PostfixLogs.sessions(Self.text([Self.delivery("A1", Self.mx1, to: forged)]))
        #expect(sessions.map(\.host?.ascii) == ["mx1.a.test"])
        #expect(sessions.map(\.domain?.ascii) == ["a.test"])
    }

    @Test("the remote side can write what it likes")
    func quotedReply() {
        let text =
            "bounced (host mx1.a.test[192.0.2.1] said: 550 Server certificate not verified), relay=b.test[1.2.3.4]:25,"
            + " status=deferred (TLS is required, but was not offered by host b.test[1.2.3.4]) (in reply to RCPT TO command))"
        let sessions = PostfixLogs.sessions(Self.text([Self.good(Self.mx1), Self.delivery("A1", Self.mx1, text)]))
        #expect(PostfixLogs.outcome(sessions) == "mx1.a.test → success")
    }

    @Test("a process number used again does not inherit a session")
    func oldSession() {
        let log =
            Self.text(["SSL_connect error to \(Self.mx2): -1", "A1: Cannot start TLS: handshake failure"])
            + Self.text([Self.good(Self.mx1), Self.delivery("A1", Self.mx1)], at: "Nov 24 11:00:00")
        #expect(PostfixLogs.outcome(PostfixLogs.sessions(log)) == "mx1.a.test → success")
    }

    @Test("a clock set back breaks no session")
    func clockBack() {
        let log =
            Self.text([Self.good(Self.mx1)], at: "Nov 24 10:00:30")
            + Self.text([Self.delivery("A1", Self.mx1)], at: "Nov 24 10:00:01")
        #expect(PostfixLogs.outcome(PostfixLogs.sessions(log)) == "mx1.a.test → success")
    }

    @Test("a name that logs nothing of TLS is told once, and how to cure it")
    func silence() throws {
        var reader = PostfixLogReader()
        let plain = (1...5).map { Self.text([Self.delivery("A\($0)", Self.mx1)]) }
        for log in plain[..<4] {
            #expect(PostfixLogs.sessions(Array(log.utf8), &reader).map(\.isTLSLogged) == [false])
        }
        #expect(reader.takeRemarks() == [])
        _ = PostfixLogs.sessions(Array(plain[4].utf8), &reader)
        #expect(
            reader.takeRemarks().map { $0.hasPrefix("postfix/smtp ") && $0.contains("smtp_tls_loglevel = 1") } == [true]
        )
        _ = PostfixLogs.sessions(Array(plain.joined().utf8), &reader)
        #expect(reader.takeRemarks() == [])
        _ = PostfixLogs.sessions(Array(Self.text([Self.good(Self.mx1)]).utf8), &reader)
        // Heard once is enough, also after a restart.
        reader = try JSONDecoder().decode(PostfixLogReader.self, from: JSONEncoder().encode(reader))
        let heard = PostfixLogs.sessions(Array((plain + plain).joined().utf8), &reader)
        #expect(heard.count > 1 && heard.allSatisfy(\.isTLSLogged))
        #expect(reader.takeRemarks() == [])
    }

    /// The lines as a log: `2|` is another process, any other word before `|` another program.
    static func text(_ lines: [String], at time: String = "Nov 24 09:00:00") -> String {
        lines.map { line in
            let parts = line.split(separator: "|", maxSplits: 1)
            let tag =
                switch parts.count == 1 ? "" : String(parts[0]) {
                case "": "postfix/smtp[1]"
                case "2": "postfix/smtp[2]"
                case "proxy": "postfix/tlsproxy[3]"
                case let other: "postfix/\(other)[4]"
                }
            return "\(time) mta \(tag): \(parts[parts.count - 1])\n"
        }.joined()
    }
}
