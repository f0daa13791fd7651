// SPDX-License-Identifier: Apache-2.0
import Names
import Testing

@Suite("DomainName: one comparable form")
struct DomainNameTests {
    @Test(
        "reads names as people and protocols write them",
        arguments: [
            ("example.org", "example.org"), ("EXAMPLE.Org", "example.org"), ("example.org.", "example.org"),
            ("localhost", "localhost"), ("a-b.c--d.example", "a-b.c--d.example"), ("3com.com", "3com.com"),
            ("münchen.example", "xn--mnchen-3ya.example"), ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
            ("bücher。example", "xn--bcher-kva.example"), ("faß.example", "xn--fa-hia.example"),
            ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
            (String(repeating: "a", count: 63) + ".example", String(repeating: "a", count: 63) + ".example"),
        ])
    func accepts(_ text: String, _ expected: String) throws {
        #expect(try DomainName(text).ascii == expected)
    }

    @Test(
        "refuses what is not a domain",
        arguments: [
            ("", DomainNameError.empty), (".", .empty), ("a..b", .emptyLabel), (".example.org", .emptyLabel),
            ("example.org..", .emptyLabel), ("-a.example", .hyphenAtEdge), ("a-.example", .hyphenAtEdge),
            ("a_b.example", .forbiddenCharacter), ("a b.example", .forbiddenCharacter),
            ("a\0b.example", .forbiddenCharacter), ("a\r\nb.example", .forbiddenCharacter),
            ("*.example.org", .forbiddenCharacter), ("127.0.0.1", .numericTopLabel), ("[127.0.0.1]", .forbiddenCharacter),
            ("::1", .forbiddenCharacter), ("ü\0.example", .forbiddenCharacter),
            (String(repeating: "a", count: 64) + ".example", .labelTooLong),
            (String(repeating: "abcdefg.", count: 32) + "example", .tooLong),
        ])
    func refuses(_ text: String, _ reason: DomainNameError) {
        #expect(throws: reason) { try DomainName(text) }
    }

    @Test("the longest name has 253 octets, with or without its trailing dot")
    func longest() throws {
        let label = String(repeating: "a", count: 61)
        let name = [label, label, label, label].joined(separator: ".") + ".abcde"
        #expect(name.utf8.count == 253)
        #expect(try DomainName(name + ".").ascii == name)
        #expect(try DomainName(name).child("mta-sts") == nil)
        #expect(throws: DomainNameError.tooLong) { try DomainName("a" + name) }
    }

    @Test("children, parents and kinship go label by label")
    func kinship() throws {
        let name = try DomainName("mail.example.org")
        #expect(name.child("mta-sts")?.ascii == "mta-sts.mail.example.org")
        #expect(name.parent?.ascii == "example.org")
        #expect(name.isWithin(try DomainName("example.org")))
        #expect(!(try DomainName("badexample.org")).isWithin(try DomainName("example.org")))
        #expect(name.tlsa(port: 25).text == "_25._tcp.mail.example.org")
        #expect(name.service("_mta-sts").text == "_mta-sts.mail.example.org")
    }
}
