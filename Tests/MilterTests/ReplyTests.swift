// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Milter
import Testing

@Suite("Replies")
struct ReplyTests {
    static let statuses: [(Failure, String)] = [
        (Failure(.starttlsNotSupported, text: "x"), "4.7.4"),
        (Failure(.certificateExpired, text: "x"), "4.7.5"),
        (Failure(.certificateHostMismatch, text: "x"), "4.7.5"),
        (Failure(.certificateNotTrusted, text: "x"), "4.7.5"),
        (Failure(.validationFailure, reasonCode: "tls-handshake-failure", text: "x"), "4.7.5"),
        (Failure(.validationFailure, reasonCode: mxNotInPolicyReason, text: "x"), "4.7.0"),
        (Failure(.tlsaInvalid, text: "x"), "4.7.5"),
        (Failure(.daneRequired, text: "x"), "4.7.5"),
        (Failure(.dnssecInvalid, text: "x"), "4.7.0"),
    ]

    @Test("the status says what kind of security failed", arguments: statuses)
    func status(_ failure: Failure, _ status: String) throws {
        #expect(Reply(try violation(failure), hint: "").status == status)
        #expect(Reply(again: try violation(failure)).status == status)
    }

    @Test("a violation is told with domain, host, reason, mode and where to look")
    func violationText() throws {
        let reply = Reply(
            try violation(Failure(.certificateExpired, text: "certificate expired")), hint: "sts-milter check {domain}")
        #expect(
            reply.text
                == "MTA-STS: example.org: mx1.example.org: certificate expired (policy mode enforce); "
                + "see sts-milter check example.org")
    }

    @Test("TLSA records that are not kept are told without a policy")
    func daneText() throws {
        let host = HostFinding(
            host: try DomainName("mx1.example.org"),
            failures: [Failure(.starttlsNotSupported, text: "host does not offer STARTTLS")])
        let domain = try DomainName("example.org")
        let violation = Violation(policyDomain: domain, findings: [host], requirement: .dane)
        #expect(Reply(violation, hint: "").text == "DANE: example.org: mx1.example.org: host does not offer STARTTLS")
        #expect(Reply(again: violation).text == "DANE: example.org: same as for the recipient before")
        #expect(
            Reply(Doubt("unreachable: timed out", of: .dane), domain: domain).text
                == "DANE: example.org: not seen to keep its TLSA records: unreachable: timed out; try again later")
    }

    @Test("without a host, a failure or a hint the text is whole")
    func partsMissing() throws {
        let domain = try DomainName("example.org")
        let bogus = HostFinding(
            host: nil, failures: [Failure(.dnssecInvalid, text: "MX records fail DNSSEC validation")])
        #expect(
            Reply(Violation(policyDomain: domain, findings: [bogus]), hint: "").text
                == "MTA-STS: example.org: MX records fail DNSSEC validation (policy mode enforce)")
        #expect(
            Reply(Violation(policyDomain: domain, findings: []), hint: "https://mta.example/help").text
                == "MTA-STS: example.org: no host conforms (policy mode enforce); see https://mta.example/help")
        #expect(
            Reply(unknown: "lookup still running", domain: nil).text
                == "MTA-STS: cannot tell yet whether the policy is kept: lookup still running; try again later")
    }

    @Test("an unproven route is told with its policy, and whose trouble it is by the status")
    func unproven() throws {
        let domain = try DomainName("example.org")
        let theirs = Reply(Doubt("unreachable: mx1.example.org: timed out"), domain: domain)
        #expect(theirs.status == "4.7.0")
        #expect(
            theirs.text
                == "MTA-STS: example.org: not seen to keep the policy: unreachable: mx1.example.org: timed out "
                + "(policy mode enforce); try again later")
        #expect(Reply(Doubt("no descriptors", isOurs: true), domain: domain).status == "4.3.2")
    }

    @Test(
        "nothing hostile gets into a reply",
        arguments: [
            "a\r\n250 ok", "a\u{1B}[31mred", "\u{0}", "\u{FF}\u{FE}", "%s%n%", String(repeating: "y", count: 5000),
        ])
    func hostile(_ text: String) throws {
        let failure = Failure(.certificateNotTrusted, text: text)
        for reply in [
            Reply(try violation(failure), hint: text + "{domain}"), Reply(unknown: text, domain: nil),
            Reply(Doubt(text), domain: nil),
            Reply(again: try violation(failure)),
        ] {
            #expect(reply.text.utf8.allSatisfy { (0x20...0x7E).contains($0) })
            #expect(reply.text.utf8.count <= Reply.maxTextOctets)
            // libmilter takes 980 octets, an SMTP line 512.
            #expect("451 4.7.5 \(reply.text)\r\n".utf8.count <= 512)
            #expect(reply.milterText.replacing("%%", with: "").contains("%") == false)
        }
    }

    @Test("the longest domain and host still leave lookups for the reason")
    func longest() throws {
        let label = String(repeating: "a", count: 61)
        let name = try DomainName([label, label, label, label].joined(separator: "."))
        let finding = HostFinding(host: name, failures: [Failure(.certificateExpired, text: "certificate expired")])
        let reply = Reply(Violation(policyDomain: name, findings: [finding]), hint: "sts-milter check {domain}")
        #expect(reply.text.utf8.count <= Reply.maxTextOctets)
        #expect(reply.text.contains("; see sts-milter check"))
    }

    private func violation(_ failure: Failure) throws -> Violation {
        let host = try DomainName("mx1.example.org")
        return Violation(
            policyDomain: try DomainName("example.org"), findings: [HostFinding(host: host, failures: [failure])])
    }
}
