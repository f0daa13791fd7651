// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
@testable import MailLog

@Suite("A line that is passed over at a glance tells of no session when it is read in full")
struct OtherLineTests {
    private func isPassedOver(_ line: String) -> Bool {
        Array(line.utf8).withUnsafeBytes { SyslogOctets($0).isOfOtherPostfixProgram }
    }

    private func readTag(_ line: String) -> String? {
        Array(line.utf8).withUnsafeBytes { SyslogLine(SyslogOctets($0))?.tag.text }
    }

    private func lines(of file: URL) throws -> [Substring] {
        String(decoding: try Data(contentsOf: file), as: UTF8.self).split(separator: "\n")
    }

    @Test("each line of the sample logs, and what becomes of it when octets of its header change")
    func samples() throws {
        let logs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Logs")
        var passedOver = 0
        let files = try #require(FileManager.default.enumerator(at: logs, includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "log" {
            for (number, line) in try lines(of: file).enumerated() {
                // The headers of one file are much alike.
                for place in -1..<(number == 1 ? min(50, line.utf8.count) : 0) {
                    for octet in place < 0 ? [0] : Array(" :[]/-Tm7".utf8) {
                        var octets = Array(line.utf8)
                        if place >= 0 { octets[place] = octet }
                        let text = String(decoding: octets, as: UTF8.self)
                        guard isPassedOver(text) else { continue }
                        passedOver += 1
                        let tag = try #require(readTag(text), "\(text)")
                        #expect(
                            tag.hasPrefix("postfix/") && !tag.hasSuffix("/smtp") && !tag.hasSuffix("/tlsproxy"),
                            "\(text)")
                    }
                }
            }
        }
        #expect(passedOver > 1000)
    }

    @Test(
        "what is not certain is read",
        arguments: [
            "Nov 23 20:43:22 vm postfix/smtp[1538]: text", "Nov 23 20:43:22 vm postfix/tlsproxy[1538]: text",
            "Nov 23 20:43:22 vm postfix/relay/smtp[7]: text", "Nov 23 20:43:22 vm postfix-out/qmgr[7]: text",
            "Nov 23 20:43:22 vm postfix/qmgr: text", "Nov 23 20:43:22 vm postfix/qmgr[7] text",
            "Nov 23 20:43:22 vm mail.info postfix/qmgr[7]: text", "Nov 23 20:43:22 postfix/smtp[7]: postfix/qmgr[8]: x",
            "<22>Nov 23 20:43:22 vm postfix/qmgr[7]: text", "Nov 23 20:43:22 vm dovecot: text", "Nov 23", "",
            "2026-11-23 20:43:22 vm postfix/qmgr[7]: text", "Nov 23 20:43:22 vm postfix/smtp[7]a[8]: text",
            "Nov 23 20:43:22 vm postfix/relay/tlsproxy[7]: text", "Nov 23 20:43:22 vm postfix/q mgr[7]: text",
            "Nov 23 20:43:22 vm postfix/qmgr[7]:text", "Nov 23 20:43:22 vm postfix/qmgr[7]:",
            "Nov 23 20:43:22 vm postfix/qmgr[7] : text", "Nov 23 20:43:22 vm postfix/[7", "Nov 23 20:43:22 vm postfix/",
        ])
    func read(_ line: String) { #expect(!isPassedOver(line)) }

    @Test(
        "the lines of which a log has most are passed over",
        arguments: [
            "Nov 23 20:43:22 vm postfix/qmgr[1463]: 4XyZ: removed",
            "Nov  3 20:43:22 vm postfix/smtpd[7]: connect from x",
            "2026-11-23T20:43:20.861502+00:00 mx.example.com postfix/cleanup[7]: text",
            "Nov 23 20:43:22 vm postfix/submission/smtpd[1234567]: connect from x",
            "Nov 23 20:43:22 vm postfix/postscreen[7]: CONNECT from x", "Nov 23 20:43:22 vm postfix/xsmtp[7]: text",
        ])
    func passed(_ line: String) { #expect(isPassedOver(line)) }
}
