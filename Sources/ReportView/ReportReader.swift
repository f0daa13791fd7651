// SPDX-License-Identifier: Apache-2.0
import Gzip
import Names
import TLSRPT

/// Finds the reports in a file: JSON, gzip of it, or mail that carries it.
///
/// - RFC 8460 §3: a report by mail that has no valid DKIM signature is to be ignored.
/// - Deviation: the signature of a report mail is not checked.
package struct ReportReader {
    /// Largest report, in octets of JSON: ten megabytes compressed, the most that receivers take, are about that much.
    package static let maxReportBytes = 128 << 20
    /// Most octets that the compressed contents of one file may have in all.
    static let maxUnpackedBytes = 512 << 20
    /// Mails in mails, parts in parts, and compression around that.
    static let maxDepth = 10
    /// Most problems that are kept of one file.
    static let maxProblems = 20

    /// Called with each report, so that only one of a mailbox is held at a time.
    private let visit: (Report) -> Void
    private var problems: [String] = []
    /// Contents that were or should have been reports.
    private var candidates = 0
    private var remainingBytes = maxUnpackedBytes

    private init(_ visit: @escaping (Report) -> Void) { self.visit = visit }

    /// Hands each report in `bytes` to `visit`.
    /// - Returns: what could not be read, safe to print; empty if all was well and there was a report.
    package static func read(_ bytes: [UInt8], visit: (Report) -> Void) -> [String] {
        withoutActuallyEscaping(visit) { visit in
            var reader = ReportReader(visit)
            reader.take(bytes[...], depth: 0)
            return reader.problems
        }
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, depth: Int) {
        guard depth < Self.maxDepth else { return complain("more than \(Self.maxDepth) contents in one another") }
        switch ContentKind(bytes) {
        case .json: takeJSON(bytes)
        case .gzip: unpack(bytes, depth: depth)
        case .mailbox:
            for message in Mbox(bytes.drop(while: \.isSpace)) { search(MailEntity(message), depth: depth + 1) }
            if candidates == 0 { complain("no TLS report found, read as a mailbox") }
        case .mail:
            search(MailEntity(bytes.drop(while: \.isSpace)), depth: depth + 1)
            if candidates == 0 { complain("no TLS report found, read as a mail") }
        case .other(let what): complain("\(what), not a TLS report (JSON, gzip or mail)")
        }
    }

    private mutating func takeJSON(_ bytes: ArraySlice<UInt8>) {
        candidates += 1
        guard bytes.count <= Self.maxReportBytes else {
            return complain("larger than \(Self.maxReportBytes >> 20) MiB")
        }
        do throws(ReportError) {
            for report in try Self.reports(bytes) { visit(report) }
        } catch { complain(error.description) }
    }

    /// - RFC 7493 §2.1: Encoding and Characters. A sender that writes a name in another character set is read all the
    ///   same, with a replacement character for each octet that makes no sense.
    private static func reports(_ bytes: ArraySlice<UInt8>) throws(ReportError) -> [Report] {
        do { return try Report.all(json: bytes) } catch {
            let repaired = String(decoding: bytes, as: UTF8.self).utf8
            guard !repaired.elementsEqual(bytes) else { throw error }
            return try Report.all(json: repaired)
        }
    }

    private mutating func unpack(_ bytes: ArraySlice<UInt8>, depth: Int) {
        do throws(GzipError) {
            let limit = min(Self.maxReportBytes, remainingBytes)
            let content = try decompress(Array(bytes), limitBytes: limit)
            remainingBytes -= content.count
            take(content[...], depth: depth + 1)
        } catch {
            // What was too long was unpacked as well.
            if case .tooLong(let limit) = error { remainingBytes -= limit }
            candidates += 1
            complain(error.description)
        }
    }

    /// Looks for reports among the parts of a mail, also of one that was forwarded.
    ///
    /// - RFC 8460 §5.3: Email Transport. Senders and gateways also write `application/octet-stream` or
    ///   `application/gzip`, so the file name counts as well.
    private mutating func search(_ entity: MailEntity, depth: Int) {
        guard depth < Self.maxDepth else { return complain("more than \(Self.maxDepth) contents in one another") }
        let parts = entity.parts
        guard parts.isEmpty else {
            for part in parts { search(part, depth: depth + 1) }
            return
        }
        let name = entity.fileName.map { printable($0, limit: 255) } ?? ""
        let type = entity.contentType.value
        let ending = name.lowercased()
        let isMail = type == "message/rfc822" || ending.hasSuffix(".eml")
        let isReport = type.hasPrefix("application/tlsrpt") || ending.hasSuffix(".json") || ending.hasSuffix(".json.gz")
        guard isMail || isReport else { return }
        guard let content = entity.encoding.decode(entity.body) else {
            candidates += 1
            return complain("\(name): damaged base64")
        }
        if isMail { return search(MailEntity(content[...]), depth: depth + 1) }
        let before = problems.count
        take(content[...], depth: depth + 1)
        candidates += 1
        if !name.isEmpty { for index in before..<problems.count { problems[index] = "\(name): \(problems[index])" } }
    }

    private mutating func complain(_ problem: String) {
        if problems.count < Self.maxProblems { problems.append(problem) }
    }
}
