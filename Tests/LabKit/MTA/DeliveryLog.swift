// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Glibc

/// The mail log of a busy Postfix: it grows at a rate, is rotated as logrotate does, and is known to tell of so many
/// sessions of each domain.
///
/// A thread of its own writes it, a mail with all its lines at a time; a rotation falls between two mails.
package final class DeliveryLog: Sendable {
    package enum Rotation: Sendable, CaseIterable {
        /// Renames the file and makes a new one.
        case rename
        /// Copies the file and cuts it. Nobody writes meanwhile: what logrotate's copytruncate would lose is not written.
        case copyTruncate
    }

    private struct State {
        var file: Int32
        var sessions: [String: Int] = [:]
        var mails = 0
        var isStopping = false
        var hasEnded = false
        var failure: LabError?
    }

    /// Lines of one mail; a quarter of them are smtp(8)'s.
    private static let linesOfMail = 8
    private static let pause = useconds_t(20_000)

    package let path: String
    private let domains: [String]
    private let saysDatagrams: Bool
    private let state: Locked<State>

    /// Makes the file, empty.
    ///
    /// - Parameters:
    ///   - domains: to which the mails go, in turn; the host is `mx.` and the domain.
    ///   - saysDatagrams: whether smtp(8) says that it has told a TLSRPT socket of each session, too.
    package init(path: String, domains: [String], saysDatagrams: Bool = false) throws {
        self.path = path
        self.domains = domains
        self.saysDatagrams = saysDatagrams
        state = Locked(State(file: try Self.open(path)))
    }

    /// Begins to write so many lines a second, until ``stop()``.
    package func start(linesPerSecond: Int) {
        let thread = Thread { [self] in
            let began = ContinuousClock.now
            var due = 0
            while state.withLock({ !$0.isStopping && $0.failure == nil }) {
                let passed = (ContinuousClock.now - began) / .seconds(1)
                let now = Int(passed * Double(linesPerSecond)) / Self.linesOfMail
                write(mails: now - due)
                due = now
                usleep(Self.pause)
            }
            state.withLock { $0.hasEnded = true }
        }
        thread.start()
    }

    /// Ends the writing; throws what went wrong with it.
    package func stop() async throws {
        state.withLock { $0.isStopping = true }
        try await Wait.until("the writer of \(path) ends") { state.withLock { $0.hasEnded } }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Sessions written so far, by domain.
    package var sessions: [String: Int] { state.withLock { $0.sessions } }

    /// Lines written so far.
    package var lines: Int { state.withLock { $0.mails * Self.linesOfMail } }

    package func rotate(_ rotation: Rotation) throws {
        try state.withLock { state in
            // Two old files are kept, uncompressed.
            if FileManager.default.fileExists(atPath: path + ".1") {
                guard Glibc.rename(path + ".1", path + ".2") == 0 else { throw Self.error("rename \(path).1") }
            }
            switch rotation {
            case .rename:
                guard Glibc.rename(path, path + ".1") == 0 else { throw Self.error("rename \(path)") }
                close(state.file)
                state.file = try Self.open(path)
            case .copyTruncate:
                try FileManager.default.copyItem(atPath: path, toPath: path + ".1")
                guard ftruncate(state.file, 0) == 0 else { throw Self.error("truncate \(path)") }
            }
        }
    }

    private func write(mails count: Int) {
        guard count > 0 else { return }
        state.withLock { state in
            var text: [UInt8] = []
            for number in state.mails..<(state.mails + count) {
                let domain = domains[number % domains.count]
                text += mail(number, to: domain).utf8
                state.sessions[domain, default: 0] += 1
            }
            state.mails += count
            let written = Glibc.write(state.file, text, text.count)
            if written != text.count { state.failure = Self.error("write \(path)") }
        }
    }

    private func mail(_ number: Int, to domain: String) -> String {
        let id = String(format: "%011X", 0xA_0000_0000 + number)
        let host = "mx.\(domain)[198.51.100.\(number % 250)]"
        // Each delivery agent has some mails to deliver before it comes to the next of the same one.
        let smtp = "postfix/smtp[\(20_000 + number % 40)]: "
        let smtpd = "postfix/smtpd[\(10_000 + number % 30)]: "
        var lines = [
            "\(smtpd)connect from client[203.0.113.9]", "\(smtpd)\(id): client=client[203.0.113.9]",
            "postfix/cleanup[15537]: \(id): message-id=<\(id)@example.com>",
            "postfix/qmgr[1463]: \(id): from=<sender\(number)@example.com>, size=2870, nrcpt=1 (queue active)",
            "\(smtp)Verified TLS connection established to \(host):25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
                + "(256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256",
        ]
        if saysDatagrams {
            lines.append("\(smtp)TLSRPT: status=success, domain=\(domain), receiving_mx=\(host)")
        } else {
            lines.append("postfix/trivial-rewrite[15538]: warning: a line that nobody needs")
        }
        lines.append(
            "\(smtp)\(id): to=<user\(number % 77)@\(domain)>, relay=\(host):25, delay=0.35, "
                + "delays=0.01/0.03/0.21/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4XyZ\(number))")
        lines.append("postfix/qmgr[1463]: \(id): removed")
        let stamp = Self.stamp()
        return lines.map { "\(stamp) mta \($0)\n" }.joined()
    }

    /// RFC 3339 in UTC, to the second.
    private static func stamp() -> String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        return String(
            format: "%04d-%02d-%02dT%02d:%02d:%02d+00:00", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
            parts.tm_hour, parts.tm_min, parts.tm_sec)
    }

    private static func open(_ path: String) throws -> Int32 {
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw error("open \(path)") }
        return file
    }

    private static func error(_ what: String) -> LabError { LabError("\(what): \(String(cString: strerror(errno)))") }
}
