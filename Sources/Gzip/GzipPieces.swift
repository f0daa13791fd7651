// SPDX-License-Identifier: Apache-2.0
import CZlib

/// The content of one or more gzip members, piece by piece: what was taken is not held. - RFC 1952 §2.2: File format.
///
/// What follows the last member and is no member is ignored, as gzip(1) does: padding is common.
package final class GzipPieces {
    /// Octets that zlib gives at a time.
    private static let pieceBytes = 64 << 10

    private enum Place { case insideMember, betweenMembers, behindLastMember }

    /// On the heap, since zlib keeps its address.
    private let stream: UnsafeMutablePointer<z_stream>
    private var rest: ArraySlice<UInt8>
    private let limitBytes: Int
    private var place = Place.insideMember
    /// Octets that have come out so far.
    package private(set) var count = 0

    /// - Parameter limitBytes: the most that may come out; a longer content is an error, never cut.
    package init(_ bytes: ArraySlice<UInt8>, limitBytes: Int) throws(GzipError) {
        rest = bytes
        self.limitBytes = limitBytes
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard bytes.starts(with: GzipReader.magic) else { throw .notGzip }
        guard CZlib_inflate_gzip(stream) == Z_OK else { throw .outOfMemory }
    }

    deinit {
        // Harmless on a stream that was never opened.
        inflateEnd(stream)
        stream.deallocate()
    }

    /// The next octets; none at the end.
    package func next() throws(GzipError) -> [UInt8] {
        var output: [UInt8] = []
        while output.isEmpty {
            switch place {
            case .behindLastMember: return []
            case .betweenMembers:
                place =
                    rest.starts(with: GzipReader.magic) && inflateReset(stream) == Z_OK
                    ? .insideMember : .behindLastMember
            case .insideMember: try inflateSome(&output)
            }
        }
        count += output.count
        guard count <= limitBytes else { throw .tooLong(limitBytes: limitBytes) }
        return output
    }

    private func inflateSome(_ output: inout [UInt8]) throws(GzipError) {
        let stream = stream
        let (result, used) = rest.withUnsafeBufferPointer { input in
            let part = UnsafeBufferPointer(rebasing: input.prefix(maxPieceBytes))
            stream.take(part)
            let result = output.append(atMost: Self.pieceBytes, from: stream) { inflate(stream, Z_NO_FLUSH) }
            return (result, part.count - Int(stream.pointee.avail_in))
        }
        rest = rest.dropFirst(used)
        switch result {
        case Z_OK: break
        case Z_STREAM_END: place = .betweenMembers
        // Nothing in and nothing out: there is room, so that it is the input that is missing.
        case Z_BUF_ERROR: throw .truncated
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .corrupt
        }
    }
}

/// The content of one or more gzip members, as a whole.
/// - Parameter limitBytes: the most that may come out; a longer content is an error, never cut.
package func decompress(_ bytes: [UInt8], limitBytes: Int) throws(GzipError) -> [UInt8] {
    let pieces = try GzipPieces(bytes[...], limitBytes: limitBytes)
    var output: [UInt8] = []
    while true {
        let piece = try pieces.next()
        guard !piece.isEmpty else { return output }
        output += piece
    }
}
