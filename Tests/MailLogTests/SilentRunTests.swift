// SPDX-License-Identifier: Apache-2.0
import Core
import Foundation
import MailLog
import Testing

@Suite("TLS that was logged once is not believed in for ever")
struct SilentRunTests {
    private func plain(_ number: Int, to host: Int) -> String {
        PostfixSessionTests.text([PostfixSessionTests.delivery("A\(number)", "mx\(host).b.test[192.0.2.\(host)]:25")])
    }

    private func read(_ text: String, _ reader: inout PostfixLogReader) throws -> [Bool] {
        let sessions = PostfixLogs.sessions(Array(text.utf8), &reader)
        reader = try JSONDecoder().decode(PostfixLogReader.self, from: JSONEncoder().encode(reader))
        return sessions.map(\.isTLSLogged)
    }

    @Test(
        "ten sessions in a row without a word of TLS, to five hosts, are a log that is silent; the next word ends that")
    func postfix() throws {
        let tls = PostfixSessionTests.text([
            PostfixSessionTests.good(PostfixSessionTests.mx1),
            PostfixSessionTests.delivery("T1", PostfixSessionTests.mx1),
        ])
        var reader = PostfixLogReader()
        #expect(try read(tls, &reader) == [true])
        let believed = try (1...9).flatMap { try read(plain($0, to: $0), &reader) }
        #expect(believed == Array(repeating: true, count: 9))
        // A word between begins anew.
        #expect(try read(tls, &reader) == [true])
        for number in 1...10 { #expect(try read(plain(number, to: number), &reader) == [true]) }
        #expect(reader.takeRemarks().map { $0.contains("smtp_tls_loglevel = 1") } == [true])
        for number in 11...14 { #expect(try read(plain(number, to: number), &reader) == [false]) }
        #expect(reader.takeRemarks() == [])
        #expect(try read(tls + plain(15, to: 15), &reader) == [true, true])
    }

    @Test("a single host without TLS is a host without TLS, however often")
    func oneHost() throws {
        var reader = PostfixLogReader()
        _ = try read(PostfixSessionTests.text([PostfixSessionTests.good(PostfixSessionTests.mx1)]), &reader)
        _ = try read(plain(0, to: 1), &reader)
        let believed = try (1...40).flatMap { try read(plain($0, to: $0 % 4 + 1), &reader) }
        #expect(believed == Array(repeating: true, count: 40))
        #expect(reader.takeRemarks() == [])
    }

    @Test("Sendmail below LogLevel 9 logs mail that is sent, and no TLS")
    func sendmail() throws {
        var reader = SendmailLogReader()
        func read(_ message: String) throws -> [Bool] {
            var found: [ObservedSession] = []
            Array("Nov 23 20:40:45 vm sm-mta[1]: \(message)\n".utf8).withUnsafeBytes {
                reader.read($0, now: SendmailLog.now, into: &found)
            }
            reader = try JSONDecoder().decode(SendmailLogReader.self, from: JSONEncoder().encode(reader))
            return found.map(\.isTLSLogged)
        }
        func plain(_ number: Int) -> String {
            SendmailCases.to("u@a.example", "mx\(number).a.example", id: "A\(number)")
        }
        let tls = SendmailCases.tls("mx.b.example")
        #expect(try read(plain(1)) == [false])
        #expect(try read(SendmailCases.failedHandshake) == [])
        #expect(try read(plain(2)) == [true, true])
        #expect(try read(tls) == [] && read(SendmailCases.to("u@b.example", "mx.b.example")) == [true])
        for number in 11...20 { #expect(try read(plain(number)) == [true]) }
        for number in 21...24 { #expect(try read(plain(number)) == [false]) }
        #expect(reader.takeRemarks().map { $0.contains("set LogLevel to 9 or more") } == [true])
        #expect(try read(tls) == [] && read(plain(25)) == [true, true])
    }
}
