// SPDX-License-Identifier: Apache-2.0

/// Octets received and not yet read, taken out line by line.
struct LineBuffer {
    private var bytes: [UInt8] = []
    /// Octets before this were searched for an end of line.
    private var searched = 0

    var isEmpty: Bool { bytes.isEmpty }

    mutating func append(_ more: [UInt8]) { bytes += more }

    /// The next line without its end, cut to `limit` octets; nil if none is complete. What is beyond is dropped as it
    /// comes.
    mutating func takeLine(cutTo limit: Int) -> [UInt8]? {
        guard let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            if bytes.count > limit { bytes.removeLast(bytes.count - limit) }
            searched = bytes.count
            return nil
        }
        var line = Array(bytes[..<min(end, limit)])
        if end <= limit, line.last == UInt8(ascii: "\r") { line.removeLast() }
        bytes.removeFirst(end + 1)
        searched = 0
        return line
    }

    /// The next line without CR LF or LF; nil if none is complete.
    mutating func takeLine(limit: Int) throws(StreamError) -> [UInt8]? {
        guard let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = bytes.count
            guard bytes.count <= limit else { throw .lineTooLong }
            return nil
        }
        guard end <= limit else { throw .lineTooLong }
        var line = Array(bytes[..<end])
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        bytes.removeFirst(end + 1)
        searched = 0
        return line
    }
}
