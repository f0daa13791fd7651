// SPDX-License-Identifier: Apache-2.0
import Glibc
import Gzip
import LabKit
import Testing
import TestKit

/// Files that somebody mails, as large when read as they can be made. Each is shown by the real program, which gets no
/// more than 64 MiB of memory of its own from the kernel: to ask for more ends it by a signal.
@Suite("Received reports take bounded memory", .serialized)
struct ReportShowScenarios {
    private static let memoryKilobytes = 64 << 10
    /// Long beyond what is needed, also in a debug build on a busy machine: it only tells a loop without end.
    private static let waitLimit = Duration.seconds(60)

    private static let head = """
        {"date-range":{"start-datetime":"2026-11-23T00:00:00Z","end-datetime":"2026-11-23T23:59:59Z"},"policies":[\
        {"policy":{"policy-type":"sts","policy-domain":"b.example"},"summary":{"total-failure-session-count":2},\
        "failure-details":[{"result-type":"y"}
        """
    private static let tail = "]}]}"

    /// A report whose details are written piece by piece.
    private static func packed(pieces: Int, _ piece: (Int) -> String) throws -> [UInt8] {
        var writer = try GzipWriter()
        try writer.write(Array(head.utf8))
        for number in 0..<pieces { try writer.write(Array(piece(number).utf8)) }
        try writer.write(Array(tail.utf8))
        return try writer.finish()
    }

    private static func millionsOfDetails() throws -> [UInt8] {
        let thousand = String(repeating: ",{\"result-type\":\"x\"}", count: 1000)
        return try packed(pieces: 1500) { _ in thousand }
    }

    private static func distinctDetails() throws -> [UInt8] {
        try packed(pieces: 120) { piece in
            (0..<1000).map { ",{\"result-type\":\"x\",\"receiving-ip\":\"\(piece).\($0)\"}" }.joined()
        }
    }

    private static func swelling() throws -> [UInt8] {
        try compress([UInt8](repeating: UInt8(ascii: " "), count: 40 << 20))
    }

    private static func manyParts() throws -> [UInt8] {
        let thousand = String(repeating: ",{\"result-type\":\"x\"}", count: 1000)
        // A million octets each, in quoted-printable: no letter of it needs a mark.
        let part =
            "--b\nContent-Type: application/tlsrpt+json\nContent-Transfer-Encoding: quoted-printable\n\n"
            + head + String(repeating: thousand, count: 60) + tail + "\n"
        return Array(("Content-Type: multipart/mixed; boundary=b\n\n" + String(repeating: part, count: 6)).utf8)
    }

    private static func nestedMails() -> [UInt8] {
        let text = String(repeating: " ", count: 2 << 20)
        var mail = "Content-Type: application/tlsrpt+json\n\n\(head)\(text)\(tail)"
        for _ in 0..<4 {
            mail = "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" + mail
        }
        return Array(mail.utf8)
    }

    private static func mailbox() -> [UInt8] {
        let mail =
            "From x@y.example Mon Nov 23 01:02:03 2026\nContent-Type: application/tlsrpt+json\n\n\(head)\(tail)\n\n"
        let large = mail.dropLast(2) + String(repeating: "z", count: 20 << 20) + "\n\n"
        return Array((mail + large + String(repeating: mail, count: 500)).utf8)
    }

    static let files: [(String, @Sendable () throws -> [UInt8], String)] = [
        ("details.json.gz", millionsOfDetails, "longer than 16777216 octets when decompressed"),
        ("distinct.json.gz", distinctDetails, "110001 more kinds of failure"),
        ("swelling.json.gz", swelling, "longer than 16777216 octets when decompressed"),
        ("parts.eml", manyParts, ""), ("nested.eml", nestedMails, ""),
        ("large.mbox", mailbox, "a mail is larger than 16 MiB"),
    ]

    /// All of them as text, and that of which most is kept in each form.
    static let rows = files.indices.map { ($0, "") } + [(1, "--json"), (1, "--html")]

    @Test(arguments: rows)
    func isBounded(_ index: Int, _ form: String) throws {
        let (name, make, problem) = Self.files[index]
        let directory = try TemporaryDirectory("sts-lab-show")
        let path = directory.path + "/" + name
        try Self.write(try make(), to: path)
        let shell = "ulimit -d \(Self.memoryKilobytes); exec \"$@\""
        let result = try Command.run(
            ["/bin/sh", "-c", shell, "sh", try DaemonProcess.program(), "report", "show", path]
                + (form.isEmpty ? [] : [form]), timeout: Self.waitLimit)
        #expect(
            result.status == (problem.isEmpty ? 0 : 1), "\(name) \(form): \(result.status) \(result.errors.suffix(300))"
        )
        #expect(problem.isEmpty || result.errors.contains(problem), "\(name): \(result.errors.prefix(300))")
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { throw LabError("cannot write \(path)") }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw LabError("cannot write \(path)") }
            rest = rest.dropFirst(count)
        }
    }
}
