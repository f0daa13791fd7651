// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Mail
import TLSRPT

/// A file that may hold reports, named on a command line.
package struct ReportFile: Sendable {
    /// Largest mailbox that is read, in octets: one of a year's reports. Of it, one window is held at a time.
    package static let maxBytes = 256 << 20

    /// Why a file could not be read.
    package struct Unreadable: Error, Sendable, Hashable, CustomStringConvertible {
        /// Safe to print.
        package let description: String
    }

    /// `-` is standard input.
    package let path: String

    package init(_ path: String) { self.path = path }

    /// The name of the file for people, safe to print.
    package var name: String { path == "-" ? "standard input" : printable(path, limit: 1024) }

    /// Hands each report in the file to `visit`.
    /// - Returns: without problems if all was well and there was a report.
    package func read(visit: @escaping (Report) -> Void) throws(Unreadable) -> ReadingNotes {
        let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Unreadable(errno) }
        defer { close(descriptor) }
        var reader = ReportReader(visit)
        let file = path.split(separator: "/").last.flatMap { ReportFileName($0) }
        reader.fileDomain = file?.policyDomain
        return try Self.read(descriptor, reader)
    }

    private static func read(_ descriptor: CInt, _ reader: ReportReader) throws(Unreadable) -> ReadingNotes {
        var reader = reader
        var window = Window(descriptor, limitBytes: ReportReader.maxContentBytes)
        let isWhole = try window.fill()
        if isWhole {
            reader.take(window.bytes[...], depth: 0)
        } else if ContentKind(window.bytes[...]) == .mailbox {
            try readMailbox(&window, &reader)
        } else {
            reader.noteProblem("larger than \(ReportReader.maxContentBytes >> 20) MiB")
        }
        return reader.notes
    }

    /// Reads a mailbox that is larger than the window.
    private static func readMailbox(_ window: inout Window, _ reader: inout ReportReader) throws(Unreadable) {
        var isInsideLongMail = false
        var isWhole = false
        while true {
            let (used, hasMail) = take(window.bytes[...], isWhole: isWhole, skipsFirst: isInsideLongMail, &reader)
            if isWhole { break }
            if !hasMail, !isInsideLongMail {
                reader.noteProblem("a mail is larger than \(ReportReader.maxContentBytes >> 20) MiB")
            }
            // A mail that fills the window is dropped, and so is the rest of it.
            isInsideLongMail = !hasMail
            window.drop(hasMail ? used : window.bytes.count)
            isWhole = try window.fill()
            guard window.count <= maxBytes else { throw Unreadable(description: "larger than \(maxBytes >> 20) MiB") }
        }
        reader.endMailbox()
    }

    /// Takes the mails that are whole: the last one of a window may go on behind it.
    /// - Returns: octets that are done with, and whether any mail ended in the window.
    private static func take(
        _ bytes: ArraySlice<UInt8>, isWhole: Bool, skipsFirst: Bool, _ reader: inout ReportReader
    ) -> (used: Int, hasMail: Bool) {
        var mails = Mbox(bytes.drop(while: \.isSpace))
        var skipsNext = skipsFirst
        var used = 0
        var next = mails.next()
        var hasMail = false
        while let mail = next {
            next = mails.next()
            guard next != nil || isWhole else { break }
            if !skipsNext { reader.take(message: mail, isOfMailbox: true) }
            skipsNext = false
            hasMail = true
            used = mail.endIndex - bytes.startIndex
        }
        return (used, hasMail)
    }
}

/// A part of a file, moved along it.
private struct Window {
    private static let pieceBytes = 256 << 10

    private let descriptor: CInt
    private let limitBytes: Int
    private(set) var bytes: [UInt8] = []
    /// Octets read so far.
    private(set) var count = 0

    init(_ descriptor: CInt, limitBytes: Int) {
        self.descriptor = descriptor
        self.limitBytes = limitBytes
        // Room that is never used costs nothing; to grow by copies would take twice as much.
        bytes.reserveCapacity(limitBytes + Self.pieceBytes)
    }

    /// Reads until the window is full.
    /// - Returns: whether the file has ended.
    mutating func fill() throws(ReportFile.Unreadable) -> Bool {
        while bytes.count <= limitBytes {
            let descriptor = descriptor
            let result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.pieceBytes) { free in
                var result = Glibc.read(descriptor, free.baseAddress, free.count)
                while result < 0, errno == EINTR { result = Glibc.read(descriptor, free.baseAddress, free.count) }
                if result > 0 { bytes.append(contentsOf: free[..<result]) }
                return result
            }
            guard result >= 0 else { throw ReportFile.Unreadable(errno) }
            guard result > 0 else { return true }
            count += result
        }
        return false
    }

    mutating func drop(_ octets: Int) { bytes.removeSubrange(..<octets) }
}

extension ReportFile.Unreadable {
    fileprivate init(_ code: CInt) {
        description = strerror(code).map { printable(String(cString: $0)) } ?? "error \(code)"
    }
}
