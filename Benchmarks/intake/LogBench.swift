// SPDX-License-Identifier: Apache-2.0
import Basics
import BenchKit
import Core
import Foundation
import MailLog

/// Lines of a mixed mail log read in a second of processor time, beside `grep -c 'postfix/smtp\['` on the same file.
enum LogBench {
    /// The target: the reader's rate over that of grep.
    static let leastRatio = 0.2
    static let leastLines = 1_000_000
    static let rounds = 5
    /// What is read at a time, in octets.
    private static let chunkOctets = 1 << 20

    /// - Parameter path: a log to read instead of one made for it.
    static func run(_ path: String?) throws {
        if let path {
            try compare(URL(fileURLWithPath: path), sessions: nil)
            return
        }
        let log = FileManager.default.temporaryDirectory.appendingPathComponent("bench-intake-\(getpid()).log")
        defer { try? FileManager.default.removeItem(at: log) }
        let (lines, octets, sessions) = try write(log)
        print("a log of \(lines) lines, \(octets / 1_000_000) MB, \(sessions) sessions; medians of \(rounds)")
        try compare(log, sessions: sessions)
    }

    private static func compare(_ log: URL, sessions: Int?) throws {
        var times: [String: [Double]] = [:]
        for _ in 0..<rounds {
            times["reader", default: []].append(try reader(log, expecting: sessions))
            times["grep", default: []].append(try grep(log, environment: [:]))
            times["grep, LC_ALL=C", default: []].append(try grep(log, environment: ["LC_ALL": "C"]))
        }
        let medians = times.mapValues { $0.sorted()[rounds / 2] }
        guard let own = medians["reader"] else { return }
        for (name, median) in medians.sorted(by: { $0.key < $1.key }) {
            print("  \(name): \(String(format: "%.3f s, %.2f of its rate", median, median / own))")
        }
        // Said, not failed on: the machine's other work decides as much as the reader.
        if let other = medians["grep"], other / own < leastRatio { print("  below the target of \(leastRatio)") }
    }

    // MARK: The log

    /// What a server with as much incoming as outgoing mail logs: a quarter of the lines are smtp(8)'s.
    private static func write(_ file: URL) throws -> (lines: Int, octets: Int, sessions: Int) {
        var text = Data()
        var lines = 0
        var sessions = 0
        var number = 0
        while lines < leastLines {
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

    // MARK: The two

    private static func reader(_ log: URL, expecting sessions: Int?) throws -> Double {
        var found = 0
        let start = processorTime(RUSAGE_SELF)
        let file = open(log.path, O_RDONLY)
        defer { close(file) }
        var reader = PostfixLogReader()
        var complete: [ObservedSession] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkOctets, alignment: 16)
        defer { buffer.deallocate() }
        var held = 0
        while true {
            let count = read(file, buffer.baseAddress.map { $0 + held }, chunkOctets - held)
            guard count > 0 else { break }
            held += count
            guard let end = buffer[..<held].lastIndex(of: UInt8(ascii: "\n")) else { break }
            let whole = UnsafeRawBufferPointer(rebasing: buffer[...end])
            reader.read(whole, now: UTCTime(secondsSinceEpoch: 1_795_564_800), into: &complete)
            found += complete.count
            complete.removeAll(keepingCapacity: true)
            held -= end + 1
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[(end + 1)..<(end + 1 + held)]))
        }
        guard held == 0 else { throw Failure("the log was not read to its end") }
        guard sessions == nil || found == sessions else {
            throw Failure("\(found) sessions found, \(sessions ?? 0) were written")
        }
        return processorTime(RUSAGE_SELF) - start
    }

    private static func grep(_ log: URL, environment: [String: String]) throws -> Double {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/grep")
        process.arguments = ["-c", "postfix/smtp\\[", log.path]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // Not /dev/null: grep would stop at the first line that matches.
        process.standardOutput = Pipe()
        let start = processorTime(RUSAGE_CHILDREN)
        try process.run()
        process.waitUntilExit()
        return processorTime(RUSAGE_CHILDREN) - start
    }

    /// Seconds in user mode and in the kernel: other work on the machine does not count.
    private static func processorTime(_ who: __rusage_who) -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(who.rawValue), &usage)
        let seconds = { (time: timeval) in Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
