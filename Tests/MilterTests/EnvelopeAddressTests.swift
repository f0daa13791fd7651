// SPDX-License-Identifier: Apache-2.0
import Testing
@testable import Milter

@Suite("Envelope addresses")
struct EnvelopeAddressTests {
    @Test(
        "the domain stands after the last @ outside quotes",
        arguments: [
            ("<user@example.org>", "user", "example.org"),
            ("user@Example.ORG", "user", "example.org"),
            ("<user@example.org.>", "user", "example.org"),
            ("<user@My_Host.example.org>", "user", "my_host.example.org"),
            ("<user@b\u{FC}cher.example>", "user", "xn--bcher-kva.example"),
            ("<\"a@b\"@example.org>", "\"a@b\"", "example.org"),
            ("<\"a\\\"@b\"@example.org>", "\"a\\\"@b\"", "example.org"),
            ("<\"a>b\"@example.org>", "\"a>b\"", "example.org"),
            ("<@relay.example:user@example.org>", "@relay.example:user", "example.org"),
            ("<a@b@example.org>", "a@b", "example.org"),
            ("<user@example.org> NOTIFY=NEVER", "user", "example.org"),
            ("<user@example.org", "user", "example.org"),
        ])
    func domain(_ text: String, _ local: String, _ domain: String) {
        let address = EnvelopeAddress(text)
        #expect(address.local == local)
        #expect(address.domain?.ascii == domain)
    }

    @Test(
        "what has no domain name has none",
        arguments: [
            "", "<>", "<", ">", "<postmaster>", "root", "<user@[192.0.2.1]>", "<user@[IPv6:2001:db8::1]>",
            "<user@192.0.2.1>",
            "<user@>", "<@>", "<\"a@example.org>", "<\"a@b\">", "<user@exa mple.org>", "<user@example..org>",
            "<user@-.org>", "<user@example.org\\>", "\\", "<user\\@example.org>",
            "<user@" + String(repeating: "a", count: 4000) + ">",
        ])
    func none(_ text: String) {
        #expect(EnvelopeAddress(text).domain == nil)
    }

    @Test(
        "only an address that begins as the sender of our reports is read as one",
        arguments: [
            ("r@x.lab", "<r@x.lab>", true), ("r@x.lab", "r@x.lab", true), ("r@x.lab", "<s@x.lab>", false),
            ("reports-of-tls@x.lab", "<reports-of-tls@x.lab>", true),
            ("reports-of-tls@x.lab", "<reports-@x.lab>", false), ("reports-of-tls@x.lab", "<>", false),
            ("r@x.lab", "r", true), ("r@x.lab", "", false),
        ])
    func mayBeReportSender(_ own: String, _ given: String, _ expected: Bool) throws {
        var settings = MilterSettings()
        settings.reportSender = EnvelopeAddress(own)
        let log = try WrittenLog()
        let state = MilterState(settings: settings, judge: TableJudge(), logger: log.logger, log: log.sink)
        var given = given
        let found = given.withUTF8 { state.settings.mayBeReportSender(UnsafeRawBufferPointer($0)) }
        #expect(found == expected)
    }
}
