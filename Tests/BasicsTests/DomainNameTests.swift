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

    @Test(
        "a name that an MTA delivers to although IDNA2008 forbids it is read as UTS #46 has it",
        arguments: [
            ("☃.net", "xn--n3h.net"), ("💩.la", "xn--ls8h.la"), ("i❤.ws", "xn--i-7iq.ws"),
            ("½.example", "xn--12-c6t.example"),
            ("١a.example", "xn--a-9pc.example"), ("BÜ☃.net", "xn--b-eha155z.net"), ("faß.de", "xn--fa-hia.de"),
        ])
    func symbols(text: String, name: String) throws {
        #expect(try DomainName(text).ascii == name && DomainName(host: text).ascii == name)
    }

    @Test("never with a letter that means another name by the older mappings", arguments: ["☃ß.de", "☃ς.example"])
    func deviating(_ text: String) {
        #expect(throws: DomainNameError.notInternational) { try DomainName(text) }
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

    /// What the rules say, octet by octet.
    private func isName(_ text: String, underscores: Bool) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return text.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { octet in
                        (0x61...0x7A).contains(octet) || (0x30...0x39).contains(octet) || octet == 0x2D
                            || (underscores && octet == 0x5F)
                    }
            } && labels.last?.utf8.allSatisfy { (0x30...0x39).contains($0) } == false
    }

    @Test("sixteen octets at a time come to the same as each of them, wherever an octet is that no name has")
    func everyPlace() {
        for length in [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63, 64, 70] {
            let plain = Array(String(repeating: "a1-b.", count: 20).utf8.prefix(length))
            for place in plain.indices {
                for octet in Array(".-_09az@[`{/:+ \0".utf8) + [0x7F] {
                    var octets = plain
                    octets[place] = octet
                    let text = String(decoding: octets, as: UTF8.self)
                    // A dot at the end is none of the name.
                    let name = text.hasSuffix(".") ? String(text.dropLast()) : text
                    let known = (try? DomainName(text))?.ascii
                    if (known == name) != isName(name, underscores: false) { Issue.record("\(text)") }
                    let host = (try? DomainName(host: text))?.ascii
                    if (host == name) != isName(name, underscores: true) { Issue.record("host \(text)") }
                }
            }
        }
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
