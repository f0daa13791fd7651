// SPDX-License-Identifier: Apache-2.0
import Core
import Foundation
import MailLog
import Testing

@Suite("What follows on TLS that broke is a session of its own, and our own settings are no fault of the host's")
struct PostfixFallbackTests {
    typealias Row = PostfixSessionTests.Row

    static let mx1 = PostfixSessionTests.mx1
    static let mx2 = PostfixSessionTests.mx2
    static let peer = "mx1.a.test[192.0.2.1]"
    static let offer = "Host offered STARTTLS: [mx1.a.test]"

    static func good(_ peer: String, _ word: String = "Trusted", _ verb: String = "established") -> String {
        PostfixSessionTests.good(peer, word, verb)
    }

    static func delivery(
        _ id: String, _ peer: String = mx1, tls: String? = nil, waited: String = "303/0", lasted: String = "0.1/0",
        to recipient: String = "u@a.test", _ status: String = "sent (250 2.0.0 Ok)"
    ) -> String {
        "\(id): to=<\(recipient)>, relay=\(peer), delay=303, delays=\(waited)/\(lasted), "
            + (tls.map { "tls=\($0), " } ?? "") + "dsn=2.0.0, status=\(status)"
    }

    static let inTheClear = "mx1.a.test → success; mx1.a.test → plaintext (starttls-not-used)"

    static let broken: [Row] = [
        Row(
            what: "TLS that breaks at EHLO, and the mail in the clear",
            log: [good(mx1), "A1: lost connection with \(peer) while performing the EHLO handshake", delivery("A1")],
            outcome: inTheClear),
        Row(
            what: "TLS that breaks at MAIL, and the mail in the clear",
            log: [
                good(mx1), "A1: lost connection with \(peer) while sending MAIL FROM",
                delivery("A1", tls: "may:none"), delivery("A1", tls: "may:none", to: "v@a.test"),
            ], outcome: inTheClear),
        Row(
            what: "TLS that stalls, and the mail in the clear",
            log: [
                good(mx1), "A1: conversation with \(peer) timed out while sending MAIL FROM", offer, delivery("A1"),
            ], outcome: inTheClear),
        Row(
            what: "TLS that breaks when a recipient is done",
            log: [
                good(mx1),
                delivery("A1", to: "v@a.test", "bounced (host \(peer) said: 550 no (in reply to RCPT TO command))"),
                "A1: lost connection with \(peer) while sending end of data -- message may be sent more than once",
                delivery("A1"),
            ], outcome: inTheClear),
        Row(
            what: "a session that is used again, and breaks",
            log: [
                good(mx1), delivery("A1"), good(mx1, "Trusted", "reused"),
                "B2: lost connection with \(peer) while sending MAIL FROM", good(mx1), delivery("B2"),
            ], outcome: "mx1.a.test → success; mx1.a.test → success"),
        Row(
            what: "plain text that breaks, and another server",
            log: ["A1: lost connection with \(peer) while sending MAIL FROM", good(mx2), delivery("A1", mx2)],
            outcome: "mx1.a.test → plaintext; mx2.a.test → success"),
        Row(
            what: "no greeting, and no answer to EHLO, and another server",
            log: [
                "A1: lost connection with \(peer) while receiving the initial server greeting",
                "A1: lost connection with mx3.a.test[192.0.2.3] while performing the EHLO handshake",
                good(mx2), delivery("A1", mx2),
            ], outcome: "mx2.a.test → success"),
        Row(
            what: "TLS that breaks for all recipients",
            log: [
                good(mx1), delivery("A1", mx1, "deferred (lost connection with \(peer) while sending MAIL FROM)"),
                delivery("A1", to: "v@a.test", "deferred (lost connection with \(peer) while sending MAIL FROM)"),
            ], outcome: "mx1.a.test → success"),
        Row(
            what: "a server that puts a recipient off goes on",
            log: [good(mx1), "A1: host \(peer) said: 451 no (in reply to RCPT TO command)", delivery("A1")],
            outcome: "mx1.a.test → success"),
        Row(
            what: "a field that contradicts the line about TLS",
            log: [good(mx1), delivery("A1", tls: "may:none")], outcome: inTheClear),
        Row(
            what: "a handshake of tlsproxy's that fails, and the mail in the clear",
            log: [
                "proxy|TLSRPT: status=failure, domain=a.test, receiving_mx=\(peer), "
                    + "failure_type=validation_failure, failure_reason=tls-handshake-failure",
                "A1: Cannot start TLS: handshake failure", delivery("A1"),
            ],
            outcome: "mx1.a.test → validation-failure (tls-handshake-failure); "
                + "mx1.a.test → plaintext (tls-handshake-failure)"),
        Row(
            what: "a handshake that fails, and another server in the clear",
            log: ["SSL_connect error to \(mx1): -1", "A1: Cannot start TLS: handshake failure", delivery("A1", mx2)],
            outcome: "mx1.a.test → validation-failure (tls-handshake-failure); mx2.a.test → plaintext"),
    ]

    static let unwanted: [Row] = [
        Row(
            what: "an offer that is not taken", log: [offer, delivery("A1"), delivery("A1", to: "v@a.test")],
            outcome: "mx1.a.test → tls-not-wanted"),
        Row(
            what: "the offer of another host", log: ["Host offered STARTTLS: [mx9.a.test]", delivery("A1")],
            outcome: "mx1.a.test → plaintext"),
        Row(
            what: "an offer is one session's", log: [offer, delivery("A1"), delivery("B2", mx2), delivery("C3")],
            outcome: "mx1.a.test → tls-not-wanted; mx2.a.test → plaintext; mx1.a.test → plaintext"),
        Row(
            what: "an offer that is not taken, and a server that puts off",
            log: [
                offer, "A1: host \(peer) said: 451 later (in reply to MAIL FROM command)", good(mx2),
                delivery("A1", mx2),
            ], outcome: "mx1.a.test → tls-not-wanted; mx2.a.test → success"),
        Row(
            what: "the level is none", log: [delivery("A1", tls: "none"), delivery("B2", tls: "none/requiretls:none")],
            outcome: "mx1.a.test → tls-not-wanted; mx1.a.test → tls-not-wanted"),
        Row(what: "the level is may", log: [delivery("A1", tls: "may:none")], outcome: "mx1.a.test → plaintext"),
        Row(
            what: "what REQUIRETLS came to is no word on the level",
            log: [
                delivery("A1", tls: "secure/requiretls:none"),
                delivery("B2", mx2, tls: "may:none/requiretls:nocertmatch"),
                delivery("C3", tls: "encrypt/requiretls?"), delivery("D4", mx2, tls: "may/!requiretls"),
            ],
            outcome: "mx1.a.test → success; mx2.a.test → plaintext; mx1.a.test → success; mx2.a.test → success"),
    ]

    static func required(_ what: String, _ end: String = "bounced") -> String {
        "\(end) (Sender requested REQUIRETLS, but \(what))"
    }

    static let required: [Row] = [
        Row(
            what: "REQUIRETLS, as the releases say it: no TLS",
            log: [
                delivery(
                    "A1", tls: "!may/!requiretls:nostarttls", required("TLS service was not offered by host \(peer)")),
                "B2: Sender requested REQUIRETLS, but host \(peer) refused to start TLS: 454 4.7.0 no", good(mx2),
                delivery("B2", mx2, tls: "secure/requiretls"),
            ],
            outcome: "mx1.a.test → starttls-not-supported; mx1.a.test → starttls-not-supported; mx2.a.test → success"),
        Row(
            what: "REQUIRETLS, and no host that knows of it: TLS stood",
            log: [
                good(mx1, "Verified"),
                "A1: Sender requested REQUIRETLS, but REQUIRETLS support was not offered by host \(peer)",
                delivery(
                    "A1",
                    required("no server was found that supports REQUIRETLS. The last attempted server was \(peer)")),
            ], outcome: "mx1.a.test → success"),
        Row(
            what: "REQUIRETLS, and a level of ours that is too low",
            log: [delivery("A1", mx1, required("my configured TLS security level for \(mx1) is too low"))], outcome: "—"
        ),
    ]

    static let missing: [Row] = [
        Row(
            what: "a session without the end of its delivery is not a later one's",
            log: [
                "@09:00:00 " + good(mx1),
                "@09:10:00 " + delivery("B2", "none", waited: "3/0", lasted: "0.01/0", "deferred (Host not found)"),
            ], outcome: "—"),
        Row(
            what: "nor is it where a later one goes to the same server",
            log: ["@09:00:00 " + good(mx1), "@09:10:00 " + delivery("B2", waited: "3/0", lasted: "0.01/0")],
            outcome: "mx1.a.test → plaintext"),
        Row(
            what: "nor are failures before it",
            log: [
                "@09:00:00 SSL_connect error to \(mx1): -1", "@09:10:00 " + good(mx2),
                "@09:10:01 " + delivery("B2", mx2, waited: "3/0", lasted: "0.5/1"),
            ], outcome: "mx2.a.test → success"),
        Row(
            what: "a long delivery has its sessions",
            log: [
                "@09:00:00 SSL_connect error to \(mx1): -1", "@09:05:00 " + good(mx2),
                "@09:10:00 " + delivery("B2", mx2, waited: "3/0", lasted: "300/299.5"),
            ], outcome: "mx1.a.test → validation-failure (tls-handshake-failure); mx2.a.test → success"),
        Row(
            what: "a delivery that does not say how long it took has them too",
            log: [
                "@09:00:00 " + good(mx1),
                "@09:10:00 A1: to=<u@a.test>, relay=\(mx1), delay=3, dsn=2.0.0, status=sent (250 ok)",
            ], outcome: "mx1.a.test → success"),
    ]

    @Test("sessions", arguments: broken + unwanted + required + missing)
    func counts(_ row: Row) throws {
        let lines = row.log.map { line in
            let isTimed = line.hasPrefix("@")
            let time = isTimed ? String(line.dropFirst().prefix(8)) : "09:00:00"
            return PostfixSessionTests.text([isTimed ? String(line.dropFirst(10)) : line], at: "Nov 24 \(time)")
        }
        #expect(PostfixLogs.outcome(PostfixLogs.sessions(lines.joined())) == row.outcome)
        // The same with the state written down behind each line.
        var reader = PostfixLogReader()
        var sessions: [ObservedSession] = []
        for line in lines {
            sessions += PostfixLogs.sessions(Array(line.utf8), &reader)
            reader = try JSONDecoder().decode(PostfixLogReader.self, from: JSONEncoder().encode(reader))
        }
        #expect(PostfixLogs.outcome(sessions) == row.outcome)
    }
}
