// SPDX-License-Identifier: Apache-2.0
import Core
import Foundation
import LabKit
import Testing
import TestKit
@testable import Daemon

@Suite("A file that tells of no session is named, whatever is in it")
struct IntakeReadingTests {
    private func remarks(
        _ octets: [UInt8], as source: ObservedSession.Source
    ) throws -> [String] {
        let files = try TemporaryDirectory("sts-reading")
        let path = files.path + "/file"
        try Data(octets).write(to: URL(fileURLWithPath: path))
        var reading = IntakeReading(source, path: path)
        try reading.read { _ in }
        return reading.remarks
    }

    @Test(
        "an empty log, binary octets, an archive of another kind",
        arguments: [[], [UInt8](0...255), Array("BZh91AY".utf8)])
    func noLog(_ octets: [UInt8]) throws {
        for source in [ObservedSession.Source.postfixLog, .sendmailLog] {
            let remarks = try remarks(octets, as: source)
            #expect(remarks.count == 1 && remarks.first?.contains("no session with a mail server found") == true)
        }
    }

    @Test("a compressed log that is cut off says so")
    func cutGzip() throws {
        for source in [ObservedSession.Source.postfixLog, .sendmailLog] {
            let error = #expect(throws: IntakeReadingError.self) { try remarks([0x1F, 0x8B, 8, 0, 10], as: source) }
            #expect(error?.description.hasSuffix("/file: gzip data ends too early") == true)
        }
    }

    @Test("lines in a form that is not known, with a sample and nobody's address")
    func unknownForm() throws {
        let line = "[12345.678901] vm postfix/smtp[1]: A1: to=<u@a.example>, relay=mx[192.0.2.1]:25, status=sent (ok)\n"
        let remarks = try remarks([UInt8](String(repeating: line, count: 3).utf8), as: .postfixLog)
        #expect(remarks.count == 2)
        #expect(
            remarks.first?.hasPrefix("3 lines tell of sessions and cannot be read, the first: [12345.678901] vm ")
                == true)
        #expect(remarks.first?.contains("to=<...@a.example>") == true)
    }

    @Test("of many datagrams that cannot be read the first are named, the others counted")
    func noDatagrams() throws {
        let remarks = try remarks([UInt8](String(repeating: "{\n", count: 1000).utf8), as: .datagram)
        #expect(remarks.count == 12)
        #expect(remarks.contains("1000 datagrams could not be read"))
        let long = try self.remarks([UInt8](repeating: 0x7B, count: 1 << 20), as: .datagram)
        #expect(long.contains("lines over 65536 octets were passed over"))
    }

    @Test(
        "what is no file says so",
        arguments: [("/nonexistent", "no such file"), ("/etc", "Is a directory")], ObservedSession.Source.allSources)
    func noFile(_ file: (path: String, cause: String), _ source: ObservedSession.Source) {
        var reading = IntakeReading(source, path: file.path)
        let error = #expect(throws: IntakeReadingError.self) { try reading.read { _ in } }
        #expect(error?.description == "\(file.path): \(file.cause)")
    }
}

extension ObservedSession.Source {
    fileprivate static let allSources: [Self] = [.postfixLog, .sendmailLog, .datagram]
}
