// SPDX-License-Identifier: Apache-2.0
import Milter
import Testing

@Suite("Envelope addresses")
struct EnvelopeAddressTests {
    @Test(
        "the domain stands after the last @ outside quotes",
        arguments: [
            ("<user@example.org>", "user", "example.org"),
            ("user@Example.ORG", "user", "example.org"),
            ("<user@example.org.>", "user", "example.org"),
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
}
