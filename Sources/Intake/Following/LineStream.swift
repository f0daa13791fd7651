// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Reads lines to the end, once, for a command that may block: of a file, a pipe, or standard input.
package struct LineStream: ~Copyable {
    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private var buffer = LogLineBuffer()
    /// Whether a line was passed over since it was longer than ``maxLineOctets``.
    package private(set) var hasPassedOver = false

    /// Longest line that is given, with its line feed.
    package static let maxLineOctets = LogLineBuffer.maxLineOctets

    /// - Parameter path: `-` is standard input.
    package init(path: String) throws(LogFileError) {
        ownsDescriptor = path != "-"
        descriptor = ownsDescriptor ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO
        guard descriptor >= 0 else { throw LogFileError(code: errno) }
    }

    deinit { if ownsDescriptor { close(descriptor) } }

    /// Reads some more.
    /// - Parameter give: called with whole lines, each with its line feed.
    /// - Returns: whether there may be more; false at the end, and then all was given.
    package mutating func read(_ give: (UnsafeRawBufferPointer) -> Void) throws(LogFileError) -> Bool {
        let descriptor = descriptor
        let count = buffer.fill { room in
            var count = Glibc.read(descriptor, room.baseAddress, room.count)
            while count < 0, errno == EINTR { count = Glibc.read(descriptor, room.baseAddress, room.count) }
            return count
        }
        guard count >= 0 else { throw LogFileError(code: errno) }
        if count == 0 { _ = buffer.takeRest(give) } else { _ = buffer.takeLines(give) }
        hasPassedOver = hasPassedOver || buffer.isInsideLongLine
        return count > 0
    }
}
