// SPDX-License-Identifier: Apache-2.0
import Basics
import Gzip
import Mail
import TLSRPT

/// Finds the reports in a file: JSON, gzip of it, or mail that carries it. All are known by their content.
///
/// All of it is somebody else's: what is read is bounded in octets, and compressed reports are never held as a whole.
/// - RFC 8460 §3: a report by mail that has no valid DKIM signature is to be ignored.
/// - Deviation: the signature of a report mail is not checked.
package struct ReportReader {
    /// Longest report, in octets of JSON: large senders' have less than one megabyte, ours at most two.
    package static let maxReportBytes = 16 << 20
    /// Longest file that is no mailbox, and longest mail of a mailbox.
    package static let maxContentBytes = 16 << 20
    /// Most octets of decoded and decompressed contents that are held at a time.
    static let maxHeldBytes = 16 << 20
    /// Most octets that all compressed contents of one mail, or of a file that is no mailbox, may have: two of the largest
    /// reports, about two seconds' work.
    static let maxUnpackedBytes = 32 << 20
    /// The same for all mails of a mailbox.
    static let maxMailboxBytes = 256 << 20
    /// Most reports that are read of one file: those of a year.
    static let maxReports = 10_000
    /// Mails in mails, parts in parts, and compression around that.
    static let maxDepth = 10
    /// Most problems that are kept of one file.
    static let maxProblems = 20
    /// Octets by which a compressed content is told.
    private static let beginningBytes = 4096

    /// Called with each report, so that only one of a mailbox is held at a time.
    private let visit: (Report) -> Void
    var notes = ReadingNotes()
    /// Contents that were or should have been reports.
    var candidates = 0
    var reports = 0
    /// What was wrong with parts of mails that nobody said were reports: told if there is no report at all.
    var dismissed: [String] = []
    private var remainingBytes = maxUnpackedBytes
    private var mailboxBytes = maxMailboxBytes
    var heldBytes = 0
    /// Whose report the name of the file or part says that it holds, and the header of the mail around it.
    var fileDomain: DomainName?
    var mailDomain: DomainName?

    init(_ visit: @escaping (Report) -> Void) { self.visit = visit }

    /// Hands each report in `bytes` to `visit`.
    /// - Returns: without problems if all was well and there was a report.
    package static func read(_ bytes: [UInt8], visit: @escaping (Report) -> Void) -> ReadingNotes {
        var reader = ReportReader(visit)
        reader.take(bytes[...], depth: 0)
        return reader.notes
    }

    mutating func take(_ bytes: ArraySlice<UInt8>, depth: Int) {
        guard depth < Self.maxDepth else { return noteProblem("more than \(Self.maxDepth) contents in one another") }
        switch ContentKind(bytes) {
        case .json: takeJSON(bytes)
        case .gzip: unpack(bytes, depth: depth)
        case .mailbox:
            // Within a mail a mailbox is a part of it, whose contents count as the mail's.
            for message in Mbox(bytes.drop(while: \.isSpace)) {
                take(message: message, depth: depth, isOfMailbox: depth == 0)
            }
            endMailbox()
        case .mail:
            take(message: bytes.drop(while: \.isSpace), depth: depth, isOfMailbox: false)
            if candidates == 0 { noteNothingFound(in: "mail") }
        case .archive(let what, let program):
            noteProblem("\(what), which is not opened: unpack it (\(program)) and show the file that is in it")
        case .other(let what): noteProblem("\(what), not a TLS report (JSON, gzip or mail)")
        }
    }

    mutating func take(message: ArraySlice<UInt8>, depth: Int = 0, isOfMailbox: Bool) {
        if isOfMailbox { remainingBytes = min(Self.maxUnpackedBytes, mailboxBytes) }
        let before = remainingBytes
        search(MailEntity(message), isOfReport: false, depth: depth + 1)
        if isOfMailbox { mailboxBytes -= before - remainingBytes }
    }

    mutating func endMailbox() {
        if candidates == 0 { noteNothingFound(in: "mailbox") }
    }

    private mutating func noteNothingFound(in container: String) {
        noteProblem("no TLS report found, read as a \(container)")
        for problem in dismissed { noteProblem(problem) }
    }

    private mutating func takeJSON(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count <= Self.maxReportBytes else {
            candidates += 1
            return noteProblem("larger than \(Self.maxReportBytes >> 20) MiB")
        }
        var pieces = bytes
        parse {
            defer { pieces = pieces.dropFirst(Self.pieceBytes) }
            return Array(pieces.prefix(Self.pieceBytes))
        }
    }

    private static let pieceBytes = 64 << 10

    /// - Parameter failure: what kept `more` from giving all, which explains a text that ends too early.
    private mutating func parse(_ more: @escaping () -> [UInt8], failure: () -> String? = { nil }) {
        candidates += 1
        guard reports <= Self.maxReports else { return }
        var found = ReadingNotes()
        var count = reports
        let named = namedDomains
        do throws(ReportError) {
            try ReportParser.read(more) { report, notes in
                count += 1
                guard count <= Self.maxReports else { return }
                let (report, remark) = report.completed(from: named)
                visit(report)
                if let remark, found.remarks.count < Self.maxProblems { found.remarks.append(remark) }
                if found.problems.count < Self.maxProblems { found.problems += notes.problems }
                if found.remarks.count < Self.maxProblems { found.remarks += notes.remarks }
            }
        } catch { found.problems.append(failure() ?? error.description) }
        if count > Self.maxReports, reports <= Self.maxReports {
            found.problems.append("more than \(Self.maxReports) reports, the others are not shown")
        }
        reports = count
        for problem in found.problems { noteProblem(problem) }
        for remark in found.remarks where notes.remarks.count < Self.maxProblems { notes.remarks.append(remark) }
    }

    private var namedDomains: [Report.NamedDomain] {
        [fileDomain.map { ($0, .fileName) }, mailDomain.map { ($0, .mail) }].compactMap { $0 }
    }

    private mutating func unpack(_ bytes: ArraySlice<UInt8>, depth: Int) {
        let problem = notes.problems.count
        do throws(GzipError) {
            let pieces = try GzipPieces(bytes, limitBytes: min(Self.maxReportBytes, remainingBytes))
            defer { remainingBytes = max(0, remainingBytes - pieces.count) }
            var beginning: [UInt8] = []
            while beginning.count < Self.beginningBytes {
                let piece = try pieces.next()
                if piece.isEmpty { break }
                beginning += piece
            }
            if ContentKind(beginning[...]) == .json { return stream(beginning, pieces) }
            try hold(beginning, pieces, depth: depth)
        } catch {
            candidates += 1
            if notes.problems.count == problem { noteProblem(error.description) }
        }
    }

    private mutating func stream(_ beginning: [UInt8], _ pieces: GzipPieces) {
        var beginning: [UInt8]? = beginning
        var failure: GzipError?
        parse {
            if let first = beginning {
                beginning = nil
                return first
            }
            guard failure == nil else { return [] }
            do throws(GzipError) { return try pieces.next() } catch {
                failure = error
                return []
            }
        } failure: {
            failure?.description
        }
    }

    /// Takes what is no JSON, and must be held to be searched.
    private mutating func hold(_ beginning: [UInt8], _ pieces: GzipPieces, depth: Int) throws(GzipError) {
        let limit = Self.maxHeldBytes - heldBytes
        var content = beginning
        content.reserveCapacity(min(limit, Self.maxContentBytes))
        while true {
            let piece = try pieces.next()
            if piece.isEmpty { break }
            guard content.count + piece.count <= limit else { throw .tooLong(limitBytes: limit) }
            content += piece
        }
        holding(content.count) { $0.take(content[...], depth: depth + 1) }
    }

    mutating func holding(_ bytes: Int, _ work: (inout Self) -> Void) {
        heldBytes += bytes
        work(&self)
        heldBytes -= bytes
    }

    mutating func noteProblem(_ problem: String) {
        if notes.problems.count < Self.maxProblems { notes.problems.append(problem) }
    }
}
