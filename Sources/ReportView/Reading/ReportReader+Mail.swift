// SPDX-License-Identifier: Apache-2.0
import Basics
import Mail
import TLSRPT

extension ReportReader {
    /// Looks for reports among the parts of a mail, also of one that was forwarded.
    /// - Parameter isOfReport: whether the mail says that what is in it is a TLS report.
    mutating func search(_ entity: MailEntity, isOfReport: Bool, depth: Int) {
        guard depth < Self.maxDepth else { return noteProblem("more than \(Self.maxDepth) contents in one another") }
        let parts = entity.parts
        let isOfReport = isOfReport || entity.isTLSReport
        let outer = mailDomain
        if let domain = try? DomainName(entity.reportDomain) { mailDomain = domain }
        defer { mailDomain = outer }
        for part in parts { search(part, isOfReport: isOfReport, depth: depth + 1) }
        if parts.isEmpty { take(part: entity, isOfReport: isOfReport, depth: depth) }
    }

    private mutating func take(part: MailEntity, isOfReport: Bool, depth: Int) {
        let name = part.fileName.map { printable($0, limit: 255) } ?? ""
        if part.contentType.value == "message/rfc822" || name.lowercased().hasSuffix(".eml") {
            return decode(part, name) { reader, content in
                // Another mail, which may be about another domain.
                let outer = reader.mailDomain
                reader.mailDomain = nil
                reader.search(MailEntity(content), isOfReport: false, depth: depth + 1)
                reader.mailDomain = outer
            }
        }
        if part.isDeclaredReport || (isOfReport && !part.isText) {
            decode(part, name) { reader, content in
                reader.naming(name, of: part) { $0.take(content, depth: depth + 1) }
                reader.candidates += 1
            }
        } else if part.mayHoldReport {
            tryPart(part, name, depth)
        }
    }

    /// Takes a part that nobody said was a report: unless there is one in it, it is somebody else's affair.
    ///
    /// - RFC 8460 §5.3: Email Transport. Senders and gateways give the report other types and no name.
    /// - Deviation: a received report is known by its content.
    private mutating func tryPart(_ part: MailEntity, _ name: String, _ depth: Int) {
        let before = self
        decode(part, name) { reader, content in reader.naming(name, of: part) { $0.take(content, depth: depth + 1) } }
        guard reports == before.reports else { return }
        if !part.isText, dismissed.count < Self.maxProblems {
            dismissed += notes.problems.dropFirst(before.notes.problems.count)
        }
        (notes, candidates) = (before.notes, before.candidates)
    }

    /// Hands the content of a part to `work`; one that needs too much room is noted.
    private mutating func decode(
        _ part: MailEntity, _ name: String, _ work: (inout Self, ArraySlice<UInt8>) -> Void
    ) {
        // What is not encoded stands in the mail itself, and takes no more room.
        guard part.encoding != .identity else { return work(&self, part.body) }
        guard part.body.count <= Self.maxHeldBytes - heldBytes else {
            candidates += 1
            return noteProblem("\(name): contents of more than \(Self.maxHeldBytes >> 20) MiB in one another")
        }
        let content = part.encoding.decode(part.body)
        holding(content.count) { work(&$0, content[...]) }
    }

    /// Puts the name of a part before what there is to say of it.
    private mutating func naming(_ name: String, of part: MailEntity, _ work: (inout Self) -> Void) {
        let (problems, remarks) = (notes.problems.count, notes.remarks.count)
        let outer = fileDomain
        if let file = part.fileName.flatMap({ ReportFileName($0) }) { fileDomain = file.policyDomain }
        work(&self)
        fileDomain = outer
        guard !name.isEmpty else { return }
        for index in problems..<notes.problems.count { notes.problems[index] = "\(name): \(notes.problems[index])" }
        for index in remarks..<notes.remarks.count { notes.remarks[index] = "\(name): \(notes.remarks[index])" }
    }
}

extension MailEntity {
    /// Whether the mail says that it carries a TLS report. - RFC 8460 §5.3: Email Transport.
    fileprivate var isTLSReport: Bool { contentType.parameter("report-type")?.lowercased() == "tlsrpt" }

    fileprivate var isText: Bool { contentType.value.isEmpty || contentType.value.hasPrefix("text/") }

    /// Whether type or name say that the part is a TLS report.
    fileprivate var isDeclaredReport: Bool {
        let name = fileName?.lowercased() ?? ""
        return contentType.value.hasPrefix("application/tlsrpt") || name.hasSuffix(".json")
            || name.hasSuffix(".json.gz")
    }

    /// Whether the part begins as a report does, plain or packed.
    fileprivate var mayHoldReport: Bool {
        switch ContentKind(encoding.beginning(of: body)[...]) {
        case .json, .gzip, .archive: true
        case .mail, .mailbox, .other: false
        }
    }
}
