// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import MTACheck

struct PostfixFactsTests {
    @Test("what postconf prints is read")
    func output() throws {
        let facts = PostfixFacts(
            directory: "/etc/postfix", parameters: "mail_version = 3.7.11\nempty =\nsmtp_tls_CAfile = /a=b\n",
            set: "smtp_tls_CAfile = /a=b\n",
            services:
                "smtp       inet  n       -       y       -       -       smtpd -o smtpd_milters=\nsmtp unix - - n - - smtp\n",
            overrides: "smtp/inet/smtpd_milters =\nsmtp/unix/smtp_tls_security_level = none\n")
        #expect(facts.version == PostfixVersion(3, 7, 11))
        #expect(facts["smtp_tls_CAfile"] == "/a=b")
        #expect(facts["empty"].isEmpty)
        #expect(facts.set == ["smtp_tls_CAfile"])
        #expect(
            facts.services == [
                .init("smtp/inet", "smtpd", isChrooted: true, overrides: ["smtpd_milters": ""]),
                .init("smtp/unix", "smtp", overrides: ["smtp_tls_security_level": "none"]),
            ])
    }
}
