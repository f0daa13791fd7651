// SPDX-License-Identifier: Apache-2.0
import Basics
import Gzip

/// Reads a file of counts line by line, compressed or not, in bounded memory.
package final class CountsReader {
    /// Octets of one line: the text of a policy, and all kinds of failure of a domain.
    static let maxLineOctets = 4 << 20
    /// Octets that may come out of a file: some millions of lines.
    static let maxOctets = 2 << 30
    /// Days and machines of one file.
    static let maxDocuments = 1000

    /// Reads octets as read(2) does: how many, 0 at the end, below 0 when it failed.
    package typealias Source = (UnsafeMutableRawBufferPointer) -> Int

    private static let pieceOctets = 64 << 10

    private let source: Source
    private var gzip: GzipReader?
    /// What was read to see whether the file is compressed.
    private var start: ArraySlice<UInt8> = []
    private var hasBegun = false
    private var isAtEnd = false
    private var buffer: [UInt8] = []
    /// Where in the buffer the next line begins, and up to where no end of a line was found.
    private var position = 0
    private var searched = 0
    private var octets = 0
    private var line = 0
    private var documents = 0
    /// Lines of the document so far; nil between documents.
    private var lines: Int?

    package init(_ source: @escaping Source) { self.source = source }

    /// The next entry with its octets; nil at the end of a file that is whole.
    package func next() throws(CountsFileError) -> (entry: CountsEntry, octets: [UInt8])? {
        guard let text = try nextLine() else {
            guard lines == nil, documents > 0 else {
                throw CountsFileError(line: line + 1, "the file ends too early")
            }
            return nil
        }
        line += 1
        let entry: CountsEntry
        do { entry = try CountsEntry(text) } catch { throw CountsFileError(line: line, error.text) }
        switch (entry, lines) {
        case (.head, nil):
            documents += 1
            guard documents <= Self.maxDocuments else {
                throw CountsFileError(line: line, "more than \(Self.maxDocuments) days and machines")
            }
            lines = 0
        case (.line, let count?): lines = count + 1
        case (.end(let said), let count?):
            guard said == count else { throw CountsFileError(line: line, "\(count) lines instead of \(said)") }
            lines = nil
        case (.head, _?): throw CountsFileError(line: line, "a day begins before the one before has ended")
        case (.line, nil), (.end, nil): throw CountsFileError(line: line, "a line that belongs to no day")
        }
        return (entry, text)
    }

    private func nextLine() throws(CountsFileError) -> [UInt8]? {
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                defer {
                    position = end + 1
                    searched = position
                }
                return Array(buffer[position..<end])
            }
            buffer.removeSubrange(..<position)
            (position, searched) = (0, buffer.count)
            guard buffer.count <= Self.maxLineOctets else {
                throw CountsFileError(line: line + 1, "more than \(Self.maxLineOctets) octets")
            }
            guard try fill() else {
                guard buffer.isEmpty else { throw CountsFileError(line: line + 1, "the file ends too early") }
                return nil
            }
        }
    }

    /// - Returns: false at the end.
    private func fill() throws(CountsFileError) -> Bool {
        guard !isAtEnd else { return false }
        if !hasBegun { try begin() }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceOctets, alignment: 16)
        defer { piece.deallocate() }
        let count: Int
        do {
            count = try gzip?.read(into: piece, from: { self.raw($0) }) ?? raw(piece)
        } catch {
            throw CountsFileError(line: line + 1, "\(error)")
        }
        guard count >= 0 else { throw CountsFileError(line: line + 1, "the file cannot be read") }
        isAtEnd = count == 0
        octets += count
        guard octets <= Self.maxOctets else {
            throw CountsFileError(line: line + 1, "the file has more than \(Self.maxOctets) octets")
        }
        buffer += piece.prefix(count)
        return count > 0
    }

    /// Looks whether the file is compressed.
    private func begin() throws(CountsFileError) {
        hasBegun = true
        var magic = [UInt8](repeating: 0, count: GzipReader.magic.count)
        var count = 0
        // A pipe may give one octet at a time.
        while count < magic.count {
            let more = magic.withUnsafeMutableBytes { source(UnsafeMutableRawBufferPointer(rebasing: $0[count...])) }
            guard more >= 0 else { throw CountsFileError(line: 1, "the file cannot be read") }
            if more == 0 { break }
            count += more
        }
        start = magic[..<count]
        guard start.elementsEqual(GzipReader.magic) else { return }
        do { gzip = try GzipReader() } catch { throw CountsFileError(line: 1, "\(error)") }
    }

    private func raw(_ target: UnsafeMutableRawBufferPointer) -> Int {
        guard !start.isEmpty else { return source(target) }
        let count = min(start.count, target.count)
        target.copyBytes(from: start.prefix(count))
        start = start.dropFirst(count)
        return count
    }
}
