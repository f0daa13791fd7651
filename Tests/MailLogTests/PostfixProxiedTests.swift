// SPDX-License-Identifier: Apache-2.0
import Core
import MailLog
import Testing

@Suite("What tlsproxy(8) reports is said of the one session that it is about")
struct PostfixProxiedTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let what: String
        /// `HH:MM:SS LINE`, as ``PostfixSessionTests/text(_:at:)`` has lines.
        let log: [String]
        /// Domain, host, result, and `*` where Postfix has sent a datagram.
        let sessions: [String]
        var testDescription: String { what }
    }

    private static let peer = "mx1.b.test[192.0.2.1]"
    private static let leaves = "B1: Cannot start TLS: handshake failure"
    private static let handshake = "b.test mx1.b.test validation-failure (tls-handshake-failure)*"
    private static let notOffered = "other.test mx1.b.test starttls-not-supported"

    private static func report(
        _ type: String = "validation_failure, failure_reason=tls-handshake-failure", of domain: String = "b.test",
        _ peer: String = peer
    ) -> String {
        "proxy|TLSRPT: status=failure, domain=\(domain), receiving_mx=\(peer), failure_type=\(type)"
    }

    /// The second host takes the mail.
    private static let taken = [
        "09:00:01 " + PostfixSessionTests.good("mx2.b.test[192.0.2.2]:25"),
        "09:00:02 " + PostfixSessionTests.delivery("B1", "mx2.b.test[192.0.2.2]:25", to: "b@b.test"),
    ]

    private static func refused(_ time: String, to recipient: String = "c@other.test") -> String {
        "\(time) "
            + PostfixSessionTests.delivery(
                "C1", "\(peer):25", to: recipient,
                "deferred (TLS is required, but was not offered by host \(peer))")
    }

    static let rows: [Row] = [
        Row(
            what: "a server that is left without its name, and another domain's session with it later",
            log: ["09:00:00 " + report(), "09:00:00 " + leaves] + taken + [refused("09:40:00")],
            sessions: [handshake, "b.test mx2.b.test success", notOffered]),
        Row(
            what: "two servers that are left, each with its own report",
            log: [
                "09:00:00 " + report(), "09:00:00 " + leaves,
                "09:00:00 " + report(of: "b.test", "mx3.b.test[192.0.2.3]"), "09:00:00 " + leaves,
            ] + taken,
            sessions: [
                handshake, "b.test mx3.b.test validation-failure (tls-handshake-failure)*",
                "b.test mx2.b.test success",
            ]),
        Row(
            what: "a report that nobody claims is not another domain's, even at once",
            log: ["09:00:00 " + report(), refused("09:00:01")], sessions: [notOffered]),
        Row(
            what: "nor does it outrank what a line of the same domain says",
            log: ["09:00:00 " + report(), refused("09:00:01", to: "c@b.test")],
            sessions: ["b.test mx1.b.test starttls-not-supported"]),
        Row(
            what: "a report is old soon",
            log: ["08:58:00 " + report(), "09:00:00 " + leaves] + taken,
            sessions: ["b.test ? validation-failure (tls-handshake-failure)", "b.test mx2.b.test success"]),
        Row(
            what: "what came of a certificate is not said of a handshake, nor the other way round",
            log: [
                "09:00:00 " + report("certificate_expired"), "09:00:00 " + leaves,
                "09:00:02 " + report(of: "b.test", "mx2.b.test[192.0.2.2]"),
                "09:00:02 "
                    + PostfixSessionTests.delivery(
                        "B1", "mx2.b.test[192.0.2.2]:25", to: "b@b.test", PostfixSessionTests.unverified),
            ],
            sessions: [
                "b.test ? validation-failure (tls-handshake-failure)",
                "b.test mx2.b.test validation-failure (server_certificate_not_verified)",
            ]),
        Row(
            what: "a certificate that is refused, of a server without its name",
            log: ["09:00:00 " + report("certificate_expired"), "09:00:00 B1: Server certificate not verified"] + taken,
            sessions: ["b.test mx1.b.test certificate-expired*", "b.test mx2.b.test success"]),
        Row(
            what: "TLSA records of which none can be used",
            log: ["09:00:00 " + report("tlsa_invalid, failure_reason=all-TLSA-records-unusable"), "09:00:00 " + leaves]
                + taken,
            sessions: ["b.test mx1.b.test tlsa-invalid (all-TLSA-records-unusable)*", "b.test mx2.b.test success"]),
        Row(
            what: "a relay that is named by its host",
            log: [
                "09:00:00 " + report("certificate_expired", of: "mx1.b.test"),
                "09:00:01 "
                    + PostfixSessionTests.delivery("B1", "\(peer):25", to: "u@x.test", PostfixSessionTests.unverified),
            ], sessions: ["mx1.b.test mx1.b.test certificate-expired*"]),
    ]

    @Test("by peer, domain, time and what the line says", arguments: rows)
    func joins(_ row: Row) {
        let log = row.log.map { PostfixSessionTests.text([String($0.dropFirst(9))], at: "Nov 24 \($0.prefix(8))") }
        let sessions = PostfixLogs.sessions(log.joined()).map { session in
            "\(session.domain?.ascii ?? "?") \(session.host?.ascii ?? "?") \(PostfixLogs.word(session))"
                + (session.hasDatagram ? "*" : "")
        }
        #expect(sessions == row.sessions)
    }
}
