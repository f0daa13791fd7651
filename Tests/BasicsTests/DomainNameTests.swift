// SPDX-License-Identifier: Apache-2.0
import Basics
import RuleTables
import Testing

@Suite("DomainName: one comparable form")
struct DomainNameTests {
    @Test("reads names as people and protocols write them", arguments: DomainNameTable.valid)
    func accepts(_ text: String, _ expected: String) throws {
        #expect(try DomainName(text).ascii == expected)
    }

    @Test("refuses what is not a domain", arguments: DomainNameTable.invalid)
    func refuses(_ text: String, _ reason: DomainNameError) {
        #expect(throws: reason) { try DomainName(text) }
    }

    @Test("a host has one name, however an MTA writes it")
    func hosts() throws {
        for text in [
            "mx_1.xn--bcher-kva.example", "MX_1.xn--BCHER-kva.Example.", "mx_1.bücher.example", "Mx_1.BÜCHER.example.",
        ] {
            #expect(try DomainName(host: text).ascii == "mx_1.xn--bcher-kva.example")
        }
        for (text, reason) in DomainNameTable.invalid where !text.contains("_") {
            #expect(throws: reason) { try DomainName(host: text) }
        }
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
        for other in ["example.org", "mail.example.org", "org", "il.example.org", "xample.org", "a.mail.example.org"] {
            let other = try DomainName(other)
            #expect(name.isChild(of: other) == (name.parent == other), "\(other)")
            #expect(!other.isChild(of: name) || other.parent == name, "\(other)")
        }
        #expect(!(try DomainName("org")).isChild(of: try DomainName("org")))
        #expect(name.tlsa(port: 25).text == "_25._tcp.mail.example.org")
        #expect(name.service("_mta-sts").text == "_mta-sts.mail.example.org")
    }
}
