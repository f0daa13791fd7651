// SPDX-License-Identifier: Apache-2.0
import Glibc
import Gzip

/// Reads lines to the end, once, for a command that may block: of a file, a pipe, or standard input. What is compressed by
/// gzip is read as its content, whatever its name.
package struct LineStream: ~Copyable {
    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private var buffer = LogLineBuffer()
    /// What was read to see whether it is compressed, and is still to be taken.
    private var head: ArraySlice<UInt8> = []
    private var gzip: GzipReader?
    /// Whether a line was passed over since it was longer than ``maxLineOctets``.
    package private(set) var hasPassedOver = false

    /// Longest line that is given, with its line feed.
    package static let maxLineOctets = LogLineBuffer.maxLineOctets

    /// - Parameter path: `-` is standard input.
    package init(path: String) throws(LogFileError) {
        ownsDescriptor = path != "-"
        descriptor = ownsDescriptor ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO
        guard descriptor >= 0 else { throw LogFileError(code: errno) }
        try readHead()
    }

    deinit { if ownsDescriptor { close(descriptor) } }

    private mutating func readHead() throws(LogFileError) {
        var octets = [UInt8](repeating: 0, count: GzipReader.magic.count)
        var held = 0
        while held < octets.count {
            let count = octets.withUnsafeMutableBytes {
                Self.read(descriptor, UnsafeMutableRawBufferPointer(rebasing: $0[held...]))
            }
            guard count >= 0 else { throw LogFileError(code: errno) }
            guard count > 0 else { break }
            held += count
        }
        head = octets[..<held]
        guard octets == GzipReader.magic else { return }
        do throws(GzipError) { gzip = try GzipReader() } catch { throw .other(error.description) }
    }

    /// Reads some more.
    /// - Parameter give: called with whole lines, each with its line feed.
    /// - Returns: whether there may be more; false at the end, and then all was given.
    package mutating func read(_ give: (UnsafeRawBufferPointer) -> Void) throws(LogFileError) -> Bool {
        let (descriptor, gzip) = (descriptor, gzip)
        var head = head
        var damage: GzipError?
        let count = buffer.fill { free in
            let source = { Self.read(descriptor, $0, after: &head) }
            guard let gzip else { return source(free) }
            do throws(GzipError) { return try gzip.read(into: free, from: source) } catch {
                damage = error
                return -1
            }
        }
        self.head = head
        if let damage { throw .other(damage.description) }
        guard count >= 0 else { throw LogFileError(code: errno) }
        if count == 0 { _ = buffer.takeRest(give) } else { _ = buffer.takeLines(give) }
        hasPassedOver = hasPassedOver || buffer.isInsideLongLine
        return count > 0
    }

    private static func read(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, after head: inout ArraySlice<UInt8>
    ) -> Int {
        guard !head.isEmpty, buffer.count >= head.count else { return read(descriptor, buffer) }
        let count = head.count
        buffer.copyBytes(from: head)
        head = []
        return count
    }

    /// As read(2), but goes on when a signal comes in between.
    private static func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        while count < 0, errno == EINTR { count = Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
        return count
    }
}
