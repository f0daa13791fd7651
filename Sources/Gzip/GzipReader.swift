// SPDX-License-Identifier: Apache-2.0
import CZlib

/// The content of one or more gzip members as they come from a file or a pipe, in bounded memory. - RFC 1952 §2.2: File
/// format.
///
/// What follows the last member and is no member is ignored, as gzip(1) does: padding is common.
package final class GzipReader {
    /// What each member begins with. - RFC 1952 §2.3.1: Member header and trailer.
    package static let magic: [UInt8] = [0x1F, 0x8B]
    /// Octets asked for at a time.
    private static let inputBytes = 64 << 10

    private enum Place { case insideMember, betweenMembers, behindLastMember }

    /// On the heap, since zlib keeps its address.
    private let stream: UnsafeMutablePointer<z_stream>
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: inputBytes, alignment: 16)
    private var place = Place.betweenMembers
    private var hasBegun = false

    package init() throws(GzipError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard CZlib_inflate_gzip(stream) == Z_OK else { throw .outOfMemory }
    }

    deinit {
        // Harmless on a stream that was never opened.
        inflateEnd(stream)
        stream.deallocate()
        input.deallocate()
    }

    /// Puts the next octets of the content into `buffer`, which is not empty.
    /// - Parameter source: reads compressed octets, as read(2) does.
    /// - Returns: how many; 0 at the end, and what `source` gave when it failed.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer, from source: (UnsafeMutableRawBufferPointer) -> Int
    ) throws(GzipError) -> Int {
        let buffer = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(maxPieceBytes))
        stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(buffer.count)
        while Int(stream.pointee.avail_out) == buffer.count, place != .behindLastMember {
            // Two octets tell a member from padding, and a pipe may give one at a time.
            while stream.pointee.avail_in < (place == .betweenMembers ? 2 : 1) {
                let count = fill(from: source)
                guard count >= 0 else { return count }
                if count > 0 { continue }
                if place == .insideMember { throw .truncated }
                break
            }
            if place == .betweenMembers { try begin() }
            if place == .insideMember { try inflateSome() }
        }
        return buffer.count - Int(stream.pointee.avail_out)
    }

    /// Reads behind what is left of the input.
    private func fill(from source: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        let left = Int(stream.pointee.avail_in)
        if left > 0, let next = stream.pointee.next_in, let start = input.baseAddress {
            start.copyMemory(from: next, byteCount: left)
        }
        let count = source(UnsafeMutableRawBufferPointer(rebasing: input[left...]))
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(left + max(0, count))
        return count
    }

    private func begin() throws(GzipError) {
        let next = UnsafeRawBufferPointer(start: stream.pointee.next_in, count: Int(stream.pointee.avail_in))
        guard next.starts(with: Self.magic) else {
            if !hasBegun { throw .notGzip }
            place = .behindLastMember
            return
        }
        guard inflateReset(stream) == Z_OK else { throw .outOfMemory }
        (place, hasBegun) = (.insideMember, true)
    }

    private func inflateSome() throws(GzipError) {
        switch inflate(stream, Z_NO_FLUSH) {
        // Z_BUF_ERROR: nothing in and nothing out, so that more must be read.
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: place = .betweenMembers
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .corrupt
        }
    }
}
