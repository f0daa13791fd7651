// SPDX-License-Identifier: Apache-2.0
import CZlib

/// Takes gzip members apart. - RFC 1952 §2.2: File format.
private struct GzipReader: ~Copyable {
    /// Octets that zlib gives at a time.
    private static let pieceBytes = 64 << 10
    static let magic: [UInt8] = [0x1F, 0x8B]

    private enum Place { case insideMember, betweenMembers, behindLastMember }

    /// On the heap, since zlib keeps its address.
    private let stream: UnsafeMutablePointer<z_stream>
    private let limitBytes: Int
    private var place = Place.insideMember
    private var output: [UInt8] = []

    init(limitBytes: Int) throws(GzipError) {
        self.limitBytes = limitBytes
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard CZlib_inflate_gzip(stream) == Z_OK else { throw .outOfMemory }
    }

    deinit {
        // Harmless on a stream that was never opened.
        inflateEnd(stream)
        stream.deallocate()
    }

    mutating func read(_ input: ArraySlice<UInt8>) throws(GzipError) {
        let result = input.withUnsafeBufferPointer { input in
            stream.take(input)
            return Result { () throws(GzipError) in while stream.pointee.avail_in > 0 { try step() } }
        }
        try result.get()
    }

    consuming func finish() throws(GzipError) -> [UInt8] {
        guard place != .insideMember else { throw .truncated }
        return output
    }

    private mutating func step() throws(GzipError) {
        let stream = stream
        switch place {
        case .behindLastMember:
            stream.pointee.avail_in = 0
        case .betweenMembers:
            let rest = UnsafeBufferPointer(start: stream.pointee.next_in, count: Int(stream.pointee.avail_in))
            place = rest.starts(with: Self.magic) && inflateReset(stream) == Z_OK ? .insideMember : .behindLastMember
        case .insideMember:
            var result: Int32
            repeat {
                result = output.append(atMost: Self.pieceBytes, from: stream) { inflate(stream, Z_NO_FLUSH) }
                guard output.count <= limitBytes else { throw .tooLong(limitBytes: limitBytes) }
            } while result == Z_OK && stream.pointee.avail_out == 0
            switch result {
            // Z_BUF_ERROR: the piece before was full to the brim, and nothing is left.
            case Z_OK, Z_BUF_ERROR: break
            case Z_STREAM_END: place = .betweenMembers
            case Z_MEM_ERROR: throw .outOfMemory
            default: throw .corrupt
            }
        }
    }
}

/// The content of one or more gzip members.
///
/// What follows the last member and is no member is ignored, as gzip(1) does: padding is common.
/// - Parameter limitBytes: the most that may come out; a longer content is an error, never cut.
package func decompress(_ bytes: [UInt8], limitBytes: Int) throws(GzipError) -> [UInt8] {
    guard bytes.starts(with: GzipReader.magic) else { throw .notGzip }
    var reader = try GzipReader(limitBytes: limitBytes)
    var start = 0
    while start < bytes.count {
        let end = min(start + maxPieceBytes, bytes.count)
        try reader.read(bytes[start..<end])
        start = end
    }
    return try reader.finish()
}
