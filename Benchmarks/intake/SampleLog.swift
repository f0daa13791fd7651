// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A mixed mail log of one day.
enum SampleLog {
    /// What a server with as much incoming as outgoing mail logs: a quarter of the lines are smtp(8)'s.
    static func write(_ file: URL, lines least: Int) throws -> (lines: Int, octets: Int, sessions: Int) {
        var text = Data()
        var lines = 0
        var sessions = 0
        var number = 0
        while lines < least {
            let log = mail(number)
            for line in log {
                text.append(contentsOf: "\(stamp(lines))\(line)\n".utf8)
                lines += 1
            }
            if !isIncoming(number) { sessions += 1 }
            number += 1
        }
        try text.write(to: file)
        return (lines, text.count, sessions)
    }

    private static func isIncoming(_ number: Int) -> Bool { number % 10 == 9 }

    /// Some 200 lines a second.
    private static func stamp(_ line: Int) -> String {
        let second = line / 200
        return String(format: "Nov 23 %02d:%02d:%02d mta ", second / 3600 % 24, second / 60 % 60, second % 60)
    }

    private static func mail(_ number: Int) -> [String] {
        let id = String(format: "%011X", 0xA_0000_0000 + number * 7919)
        let host = "mx\(number % 3).customer\(number % 5000).example.net[198.51.100.\(number % 250)]:25"
        let smtp = "postfix/smtp[\(20_000 + number % 40)]: "
        let client = "mail\(number % 700).example.com[203.0.113.\(number % 250)]"
        var log = [
            "postfix/smtpd[\(10_000 + number % 30)]: connect from \(client)",
            "postfix/smtpd[\(10_000 + number % 30)]: Anonymous TLS connection established from \(client): TLSv1.3 with "
                + "cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits)",
            "postfix/smtpd[\(10_000 + number % 30)]: \(id): client=\(client), sasl_method=PLAIN, sasl_username=u\(number)",
            "postfix/cleanup[15537]: \(id): message-id=<20261123204320.\(id)@mail\(number % 700).example.com>",
            "postfix/qmgr[1463]: \(id): from=<sender\(number)@example.com>, size=\(2870 + number % 9000), nrcpt=1 (queue active)",
        ]
        if isIncoming(number) {
            log.append(
                "postfix/lmtp[\(17_000 + number % 5)]: \(id): to=<u\(number % 90)@example.com>, relay=mx[private/lmtp], "
                    + "delay=0.05, delays=0.01/0.03/0.01/0, dsn=2.0.0, status=sent (250 2.0.0 <u@example.com> Saved)")
            log.append(
                "dovecot: lmtp(u\(number % 90))<\(number)><abc>: sieve: msgid=<\(id)@example.com>: stored mail into mailbox 'INBOX'"
            )
        } else {
            log.append(
                "\(smtp)Verified TLS connection established to \(host): TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
                    + "(256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256")
            log.append(
                "\(smtp)\(id): to=<user\(number % 77)@customer\(number % 5000).example.net>, relay=\(host), "
                    + "delay=0.35, delays=0.01/0.03/0.21/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4XyZ\(number))"
            )
            if number % 2 == 0 {
                log.append(
                    "\(smtp)\(id): to=<user\(number % 7)@customer\(number % 5000).example.net>, relay=\(host), "
                        + "delay=0.35, delays=0.01/0.03/0.21/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4XyZ\(number))"
                )
            }
        }
        log.append("postfix/qmgr[1463]: \(id): removed")
        log.append(
            "postfix/smtpd[\(10_000 + number % 30)]: disconnect from \(client) ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7"
        )
        return log
    }
}
