// SPDX-License-Identifier: Apache-2.0
import Foundation
import MTASetup
import Testing

@Suite("What setup puts into place is what contrib has to be copied")
struct OptionalPartTests {
    private static let contrib = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("contrib")

    /// As Debian's Postfix is installed.
    static let parts: [OptionalPart] = [
        .postfixSockets(directory: "/var/spool/postfix/sts-milter", group: "postfix"),
        .postfixDatagrams(directory: "/var/spool/postfix/run/tlsrpt", group: "postfix"), .mailLog, .mailJournal,
    ]

    @Test("a part of contrib/optional, file by file", arguments: parts)
    func files(_ part: OptionalPart) throws {
        let folder = Self.contrib.appendingPathComponent("optional/\(part.name)").path
        let there = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String }.filter {
            $0.hasSuffix(".conf")
        }
        #expect(Set(there ?? []) == Set(part.files.map { String($0.path.dropFirst("/etc/".count)) }))
        for file in part.files {
            let copy = folder + file.path.dropFirst("/etc".count)
            #expect(try String(contentsOfFile: copy, encoding: .utf8) == file.text, "\(file.path)")
        }
    }

    /// What an operator turns on by hand.
    private static let byHand: Set = ["report-maildir"]

    @Test("contrib/optional has no other part, but for what setup has nothing to do with")
    func all() throws {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: Self.contrib.appendingPathComponent("optional").path)
        #expect(Set(names) == Self.byHand.union(Self.parts.map(\.name)))
    }
}
