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

    @Test("an empty log, a compressed one, binary octets", arguments: [[], [0x1F, 0x8B, 8, 0, 10], [UInt8](0...255)])
    func noLog(_ octets: [UInt8]) throws {
        for source in [ObservedSession.Source.postfixLog, .sendmailLog] {
            let remarks = try remarks(octets, as: source)
            #expect(remarks.count == 1 && remarks.first?.contains("no session with a mail server found") == true)
        }
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
