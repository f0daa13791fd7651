// SPDX-License-Identifier: Apache-2.0
import Gzip

/// The lines of a batch, which another machine has written: read strictly, and in bounded memory.
package struct CountBatchLines {
    /// Octets that may come out of one: 500 domains with all that is kept of each.
    static let maxOctets = 256 << 20

    private let body: [UInt8]
    private var pieces: GzipPieces?
    private var buffer: [UInt8] = []
    private var isAtEnd = false
    /// Of the line that is read next, counted from 1.
    private var number = 1

    package init(_ body: [UInt8]) { self.body = body }

    /// The next lines, so many at most; none at the end.
    package mutating func next(_ most: Int) throws(CountsFileError) -> [CountsLine] {
        var lines: [CountsLine] = []
        var start = 0
        while lines.count < most {
            guard let end = buffer[start...].firstIndex(of: 0x0A) else {
                guard buffer.count - start <= CountsReader.maxLineOctets else { throw failure("a line is too long") }
                buffer.removeSubrange(..<start)
                start = 0
                if try fill() { continue }
                guard buffer.isEmpty else { throw failure("the batch ends within a line") }
                return lines
            }
            lines.append(try line(buffer[start..<end]))
            number += 1
            start = end + 1
        }
        buffer.removeSubrange(..<start)
        return lines
    }

    private func line(_ octets: ArraySlice<UInt8>) throws(CountsFileError) -> CountsLine {
        let entry: CountsEntry
        do throws(CountsEntryError) { entry = try CountsEntry(Array(octets)) } catch { throw failure(error.text) }
        guard case .line(let line) = entry else { throw failure("a line that has no counts") }
        return line
    }

    /// - Returns: false at the end.
    private mutating func fill() throws(CountsFileError) -> Bool {
        guard !isAtEnd else { return false }
        do throws(GzipError) {
            if pieces == nil { pieces = try GzipPieces(body[...], limitBytes: Self.maxOctets) }
            let piece = try pieces?.next() ?? []
            buffer += piece
            isAtEnd = piece.isEmpty
        } catch {
            throw failure("\(error)")
        }
        return !isAtEnd
    }

    private func failure(_ text: String) -> CountsFileError { CountsFileError(line: number, text) }
}
